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
        let schema = try Self.schema(row.type)
        for (place, field) in schema.fields.enumerated() {
            for extreme in Self.extremes(field.type) {
                var body = JSONObject()
                for (other, field) in schema.fields.enumerated() {
                    if other == place {
                        body[field.name] = extreme
                    } else if !field.isOptional {
                        body[field.name] = Self.plain(field.type)
                    }
                }
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

    private static func schema<Body: Request>(_ type: Body.Type) throws -> RequestSchema { try .probe(type) }

    /// A value that is as good as any.
    private static func plain(_ type: SchemaType) -> JSON {
        switch type {
        case .string: "a"
        case .integer, .number: 1
        case .boolean: true
        case .any: .null
        case .array(let element): [plain(element)]
        case .object(let schema): .object(JSONObject(schema.fields.map { ($0.name, plain($0.type)) }))
        case .enumeration(let values): .string(values[0])
        }
    }

    /// The far ends of a type, one level deep into what it is made of.
    private static func extremes(_ type: SchemaType) -> [JSON] {
        switch type {
        case .integer: ([.min, .min + 1, -1, 0, 1 << 53, .max - 1, .max] as [Int64]).map { .integer($0) }
        case .number: [-1e308, Double.leastNonzeroMagnitude, 1e308].map { .double($0) }
        case .string:
            [
                "", "\u{0}", "%", "/", "\u{10FFFF}", "e\u{301}\u{200D}", "9223372036854775807", "*", "@", "#",
                .string(String(repeating: "x", count: 70_000)),
            ]
        case .boolean, .enumeration: [plain(type)]
        case .any: [[], .object(JSONObject()), .integer(.min), .integer(.max), .double(1e308)]
        case .array(let element):
            [[], .array(Array(repeating: plain(element), count: 5_000))] + extremes(element).map { [$0] }
        case .object(let schema):
            [.object(JSONObject())]
                + schema.fields.flatMap { field in
                    extremes(field.type).map { extreme in
                        .object(
                            JSONObject(
                                schema.fields.map { ($0.name, $0.name == field.name ? extreme : plain($0.type)) }))
                    }
                }
        }
    }
}
