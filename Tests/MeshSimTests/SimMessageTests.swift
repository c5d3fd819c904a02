import Foundation
import MeshCore
import Testing

@testable import MeshSim

@Suite struct SimMessageTests {
    /// Every JSON example of the page. The path is not made shorter: the folder of the tests may be a link.
    private static func examples() throws -> [String] {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let page = try String(contentsOfFile: folder + "/../../Docs/SimulationProtocol.md", encoding: .utf8)
        return page.components(separatedBy: "```json\n").dropFirst().compactMap {
            $0.components(separatedBy: "\n```").first
        }
    }

    @Test func examplesOfThePageAreMessages() throws {
        let examples = try Self.examples()
        let messages = try examples.map { try SimMessage.parse($0) }
        for (example, message) in zip(examples, messages) {
            // Nothing of an example is ignored, and nothing is added.
            #expect(try JSON.parse(Array(message.text().utf8)) == JSON.parse(Array(example.utf8)))
            if case .command(let command) = message { _ = try SimOrder(command) }
        }
        #expect(Set(messages.map { Swift.type(of: $0.body).type }) == Set(SimMessage.types))
        let orders = messages.compactMap { if case .command(let command) = $0 { command.command } else { nil } }
        #expect(Set(orders) == Set(SimOrder.names))
    }

    @Test(arguments: [
        ("{", SimProtocolError.Code.notJSON), ("[]", .notJSON), ("{}", .unsupportedVersion),
        (#"{"v":2,"type":"sim_ack"}"#, .unsupportedVersion), (#"{"v":1}"#, .unknownType),
        (#"{"v":1,"type":"sim_jump"}"#, .unknownType), (#"{"v":1,"type":3}"#, .unknownType),
        (#"{"v":1,"type":"sim_ack","seat":"a","generation":1}"#, .badField),
        (#"{"v":1,"type":"sim_ack","seat":"a","generation":1.5,"sequence":1}"#, .badField),
        (#"{"v":1,"type":"sim_join","mind":3}"#, .badField),
        ("\"" + String(repeating: "x", count: 65_536) + "\"", .tooLarge),
        (String(repeating: "[", count: 60_000), .notJSON),
    ]) func refusesWithWhatIsValid(_ text: String, _ code: SimProtocolError.Code) {
        let error = #expect(throws: SimProtocolError.self) { try SimMessage.parse(text) }
        #expect(error?.code == code)
        #expect(error?.message.isEmpty == false)
        #expect(error?.hint.isEmpty == false)
    }

    @Test func errorsAnswerAndMessagesAreBounded() throws {
        let error = #expect(throws: SimProtocolError.self) { try SimMessage.parse(#"{"v":1,"type":"sim_jump"}"#) }
        let answer = try error?.answer.text()
        #expect(try answer.map { try SimMessage.parse($0) } == error?.answer)
        func observation(_ payload: JSON) -> SimMessage {
            .observation(SimObservation(seat: "a", generation: 1, tick: 1, sequence: 1, payload: payload))
        }
        let large = observation(.string(String(repeating: "x", count: 65_536)))
        #expect(throws: SimProtocolError.self) { try large.text() }
    }

    @Test(arguments: [
        #"{"v":1,"type":"sim_command","sequence":1,"command":"dance"}"#,
        #"{"v":1,"type":"sim_command","sequence":1,"command":"step","arguments":{"ticks":0}}"#,
        #"{"v":1,"type":"sim_command","sequence":1,"command":"step","arguments":[]}"#,
        #"{"v":1,"type":"sim_command","sequence":1,"command":"speed","arguments":{"pace":"realTime","times":-1,"tickMillis":1}}"#,
        #"{"v":1,"type":"sim_command","sequence":1,"command":"hand_over","arguments":{"seat":"a"}}"#,
        #"{"v":1,"type":"sim_command","sequence":1,"command":"readmit"}"#,
        #"{"v":1,"type":"sim_command","sequence":1,"command":"act","arguments":{}}"#,
    ]) func ordersAreChecked(_ text: String) throws {
        guard case .command(let command) = try SimMessage.parse(text) else {
            Issue.record("no command")
            return
        }
        #expect(throws: SimProtocolError.self) { try SimOrder(command) }
    }

    /// From the message of a peer to the answer it gets.
    @Test func anActionIsAnswered() throws {
        var collector = try TickTest.collector()
        try collector.take(Seat("a", mind: .model))
        _ = try collector.run()
        let text = #"{"v":1,"type":"sim_action","seat":"a","generation":1,"sequence":1,"basedOn":1,"action":"move"}"#
        guard case .action(let action) = try SimMessage.parse(text) else {
            Issue.record("no action")
            return
        }
        let seal = try collector.run { _ = $0.submit(action.submission, now: 2100) }
        #expect(seal.inputs.map(\.arguments) == [["x": 0]])
        let result = SimResult(seat: "a", generation: 1, results: collector.receipts.map { SimActionResult($0) })
        #expect(
            try SimMessage.result(result).text()
                == #"{"v":1,"type":"sim_result","seat":"a","generation":1,"results":[{"sequence":1,"tick":2,"#
                + #""verdict":"onTime","accepted":true,"waitedMillis":400}]}"#)
    }
}
