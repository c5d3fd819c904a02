import MeshCore
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"), (1_776_254_401_250, "2026-04-15T12:00:01.250Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"), (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func `a time has its text and comes back`(milliseconds: Int64, text: String) {
        #expect(Timestamp.iso8601(milliseconds) == text)
        #expect(Timestamp.milliseconds(text) == milliseconds)
    }

    @Test func `times all over 400 years come back, and later times have later texts`() {
        var last = ""
        for step in 0..<20_000 as Range<Int64> {
            let time = step * 631_139_040 + step
            let text = Timestamp.iso8601(time)
            #expect(Timestamp.milliseconds(text) == time)
            #expect(text > last)
            last = text
        }
    }

    @Test(arguments: [
        "", "2026-04-15", "2026-04-15T12:00:00Z", "2026-04-15T12:00:00.000", "2026-04-15T12:00:00.000z",
        "2026-04-15 12:00:00.000Z", "2026/04/15T12:00:00.000Z", "2026-04-15T12.00.00.000Z", "2026-04-15T12:00:00,000Z",
        "2026-00-15T12:00:00.000Z", "2026-13-15T12:00:00.000Z", "2026-04-00T12:00:00.000Z", "2026-04-31T12:00:00.000Z",
        "2025-02-29T12:00:00.000Z", "2100-02-29T12:00:00.000Z", "2026-04-15T24:00:00.000Z", "2026-04-15T12:60:00.000Z",
        "2026-04-15T12:00:60.000Z", "+026-04-15T12:00:00.000Z", "-026-04-15T12:00:00.000Z", "2026-+4-15T12:00:00.000Z",
        "2026-04-15T12:00:00.-00Z", "2026-04-15T12:00:00.0000Z", "abcd-ef-ghTij:kl:mn.opqZ",
    ])
    func `a text of another form is no time`(text: String) {
        #expect(Timestamp.milliseconds(text) == nil)
    }
}
