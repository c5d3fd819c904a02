import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// Every request that exists, with the most extreme value in each of its fields: an answer or an error, never a trap.
/// Generated from the declarations, so that a new request is tried on the day it is added.
@Suite struct ExtremeInputTests {
    static let types = Capabilities.table.rows.keys.sorted()

    @Test(arguments: types)
    func anExtremeFieldIsAnsweredAndTheMeshGoesOn(_ type: String) throws {
        let bench = try MeshBench()
        let row = try #require(Capabilities.table.rows[type])
        for member in row.object.members {
            for extreme in Self.extremes(member.value) {
                var body = Sample.object(row.object, isWhole: false)
                body[member.name] = extreme
                guard let request = try? row.decode(.object(body)) else { continue }
                if row.type.kind == .write {
                    _ = try bench.apply([(request, bench.ownerActor)])
                } else {
                    _ = bench.engine.query(request, actor: bench.ownerActor, connection: ConnectionID(rawValue: 1))
                }
            }
        }
        try bench.pass(3_600_000)
        let written = try bench.ask(SetState(key: "after", value: 1), as: bench.ownerActor)
        #expect(written.revision > 0)
    }

    /// The far ends of a type, one level deep into what it is made of.
    private static func extremes(_ schema: ValueSchema) -> [JSON] {
        switch schema.kind {
        case .integer: ([.min, .min + 1, -1, 0, 1 << 53, .max - 1, .max] as [Int64]).map { .integer($0) }
        case .number: [-1e308, Double.leastNonzeroMagnitude, 1e308].map { .double($0) }
        case .string, .stringOrStrings:
            [
                "", "\u{0}", "%", "/", "\u{10FFFF}", "e\u{301}\u{200D}", "9223372036854775807", "*", "@", "#",
                .string(String(repeating: "x", count: 70_000)),
            ]
        case .boolean, .choice: [Sample.value(schema)]
        case .any, .anyObject: [[], .object(JSONObject()), .integer(.min), .integer(.max), .double(1e308)]
        case .array(let element):
            [[], .array(Array(repeating: Sample.value(element), count: 5_000))] + extremes(element).map { [$0] }
        case .object(let object):
            [.object(JSONObject())]
                + object.members.flatMap { member in
                    extremes(member.value).map { extreme in
                        var body = Sample.object(object, isWhole: true)
                        body[member.name] = extreme
                        return .object(body)
                    }
                }
        }
    }
}
