import MeshCore
import Testing

/// Who asked is found in frames that are refused as a whole.
@Suite struct FrameEnvelopeTests {
    private func find(_ text: String) -> FrameEnvelope? {
        Array(text.utf8).withUnsafeBytes { FrameEnvelope.find(in: $0) }
    }

    @Test(arguments: [
        "18446744073709551615", "1e400", "-0", "[1,[2,[-0]]]", #"{"a":{"a":1,"a":2}}"#, #""\ud800""#, "01", "true",
        String(repeating: "[", count: 100) + String(repeating: "]", count: 100), #"["}",{"]":"\"}"}]"#,
    ])
    func theIdsAreFoundBesideAnyValue(value: String) {
        let expected = FrameEnvelope(type: "set_state", requestID: "r\"1", id: "7")
        #expect(find(#" {"value":\#(value) , "type":"set_state","_reqId":"r\"1","id":"7"} "#) == expected)
        #expect(find(#"{"_reqId":"r\"1","type":"set_state","id":"7","value":\#(value)}"#) == expected)
    }

    @Test func onlyStringsOfTheOuterObjectCount() {
        let found = find(#"{"x":{"_reqId":"inner","type":"inner"},"_reqId":5,"id":null,"n":-0}"#)
        #expect(found == FrameEnvelope(type: nil, requestID: nil, id: nil))
    }

    @Test(arguments: [
        "", "[]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{"a":1}}"#, #"{"a":[}]}"#, #"{"a":"x}"#, #"{"a":1,}"#,
        #"{a:1}"#, #"{"a":1} x"#, #"{"a":"\"#, "null", #"{"a":,}"#,
    ])
    func whatIsNoObjectInFormHasNoAsker(text: String) { #expect(find(text) == nil) }
}
