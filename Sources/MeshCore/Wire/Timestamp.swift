/// Unix milliseconds and their ISO 8601 form, without a clock and without a calendar library.
public enum Timestamp {
    /// `2026-04-15T12:00:00.000Z` of Unix milliseconds. Days to dates by Howard Hinnant's `civil_from_days`.
    public static func iso8601(_ milliseconds: Int64) -> String {
        let day = 86_400_000 as Int64
        var days = milliseconds / day
        var rest = milliseconds % day
        if rest < 0 {
            rest += day
            days -= 1
        }
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let seconds = rest / 1_000
        guard (0...9_999).contains(year) else {
            // Years beyond four digits are outside the form's scope, but they are not lost either.
            return "\(year)"
                + text([0, month, dayOfMonth, seconds / 3_600, seconds / 60 % 60, seconds % 60, rest % 1_000])
                .dropFirst(4)
        }
        return text([year, month, dayOfMonth, seconds / 3_600, seconds / 60 % 60, seconds % 60, rest % 1_000])
    }

    /// Unix milliseconds of `2026-04-15T12:00:00.000Z`; nil when it has another form or is no valid time. Dates to days
    /// by Howard Hinnant's `days_from_civil`.
    public static func milliseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes[23] == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? { Int64(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let milli = number(20..<23)
        else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let result = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + milli
        // Signs, other separators and invalid days or hours would be formatted as another text.
        return iso8601(result) == text ? result : nil
    }

    private static let layout: StaticString = "0000-00-00T00:00:00.000Z"
    private static let places = [0..<4, 5..<7, 8..<10, 11..<13, 14..<16, 17..<19, 20..<23]

    private static func text(_ numbers: [Int64]) -> String {
        String(unsafeUninitializedCapacity: layout.utf8CodeUnitCount) { text in
            for place in 0..<layout.utf8CodeUnitCount { text[place] = layout.utf8Start[place] }
            for (range, number) in zip(places, numbers) {
                var rest = number
                for place in range.reversed() {
                    text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
            }
            return layout.utf8CodeUnitCount
        }
    }
}
