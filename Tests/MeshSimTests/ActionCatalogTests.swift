import MeshCore
import Testing

@testable import MeshSim

@Suite struct ActionCatalogTests {
    private static let schema = ActionSchema(
        "all", help: "Has every kind.", phase: 2, priority: 3, maximumPerTick: 4,
        arguments: [
            ActionArgument("count", .integer(minimum: 1, maximum: 9), help: "How many.", defaultValue: 1),
            ActionArgument("far", .number(minimum: -0.5, maximum: nil), isOptional: true),
            ActionArgument("now", .boolean, isOptional: true),
            ActionArgument("text", .string(maximumLength: 3), isOptional: true),
            ActionArgument("colour", .choice(["red", "é"]), isOptional: true),
            ActionArgument("whom", .entity),
        ])

    private static func parse(_ text: String) throws -> JSON { try JSON.parse(Array(text.utf8)) }

    @Test(arguments: [
        (#"{"whom":"e"}"#, #"{"count":1,"whom":"e"}"#),
        (#"{"whom":"e","count":9}"#, #"{"count":9,"whom":"e"}"#),
        (#"{"whom":"e","count":2.0}"#, #"{"count":2,"whom":"e"}"#),
        (#"{"whom":"e","far":-0.5}"#, #"{"count":1,"far":-0.5,"whom":"e"}"#),
        (
            #"{"whom":"e","far":3.0,"now":true,"text":"äöü","colour":"é"}"#,
            #"{"count":1,"far":3,"now":true,"text":"äöü","colour":"é","whom":"e"}"#
        ),
    ]) func validArgumentsGetTheirNormalForm(_ given: String, _ normal: String) throws {
        let value = try Self.schema.validate(arguments: Self.parse(given))
        #expect(value.text == normal)
        // It stays the same when it is read again, to the kind of each number.
        #expect(try Self.parse(value.text) == value)
        #expect(try Self.schema.validate(arguments: value) == value)
    }

    @Test(arguments: [
        "{}", "[]", #"{"whom":""}"#, #"{"whom":3}"#, #"{"whom":"e","count":0}"#, #"{"whom":"e","count":10}"#,
        #"{"whom":"e","count":1.5}"#, #"{"whom":"e","count":1e300}"#, #"{"whom":"e","count":"1"}"#,
        #"{"whom":"e","count":null}"#, #"{"whom":"e","far":-0.6}"#, #"{"whom":"e","far":9007199254740993}"#,
        #"{"whom":"e","now":1}"#, #"{"whom":"e","text":"four"}"#, #"{"whom":"e","colour":"blue"}"#,
        // The same letter in other code points is another text, and another name.
        "{\"whom\":\"e\",\"colour\":\"e\u{301}\"}", #"{"whom":"e","\#u{212A}":1}"#, #"{"whom":"e","more":1}"#,
    ]) func othersAreRefused(_ given: String) throws {
        let json = try Self.parse(given)
        #expect(throws: SimError.self) { try Self.schema.validate(arguments: json) }
    }

    @Test func numbersThatAreNotFiniteAreRefused() {
        for number in [Double.nan, .infinity, -.infinity] {
            #expect(throws: SimError.self) {
                try Self.schema.validate(arguments: ["whom": "e", "far": .double(number)])
            }
        }
        #expect(throws: SimError.self) { try Self.schema.validate(arguments: nil) }
    }

    @Test func aCatalogueIsReadAndWritten() throws {
        let catalog = try ActionCatalog([Self.schema, ActionSchema("a")])
        let json = try JSONCoder.encode(catalog)
        #expect(try JSONCoder.decode(ActionCatalog.self, from: Self.parse(json.text)) == catalog)
        #expect(catalog.actions.map(\.name) == ["a", "all"])
        #expect(json.arrayValue?[1]["schema"] == Self.schema.jsonSchema)
        #expect(
            Self.schema.jsonSchema.text
                == #"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","#
                + #""description":"Has every kind.","properties":{"count":{"type":"integer","minimum":1,"maximum":9,"#
                + #""description":"How many.","default":1},"far":{"type":"number","minimum":-0.5},"#
                + #""now":{"type":"boolean"},"text":{"type":"string","maxLength":3},"#
                + #""colour":{"type":"string","enum":["red","é"]},"#
                + #""whom":{"type":"string","minLength":1,"maxLength":128}},"required":["whom"],"#
                + #""additionalProperties":false}"#)
    }

    static let senseless: [ActionSchema] = [
        ActionSchema(""), ActionSchema("two words"), ActionSchema("a", phase: 0), ActionSchema("a", maximumPerTick: 0),
        ActionSchema("a", arguments: [ActionArgument("x", .boolean), ActionArgument("x", .entity)]),
        ActionSchema("a", arguments: [ActionArgument("x", .integer(minimum: 2, maximum: 1))]),
        ActionSchema("a", arguments: [ActionArgument("x", .number(minimum: .nan, maximum: nil))]),
        ActionSchema("a", arguments: [ActionArgument("x", .string(maximumLength: 0))]),
        ActionSchema("a", arguments: [ActionArgument("x", .choice([]))]),
        ActionSchema("a", arguments: [ActionArgument("x", .boolean, defaultValue: 3)]),
        ActionSchema("a", arguments: (0..<33).map { ActionArgument("x\($0)", .boolean) }),
    ]

    @Test(arguments: senseless) func senselessDeclarationsAreRefused(_ schema: ActionSchema) {
        #expect(throws: SimError.self) { try ActionCatalog([schema]) }
    }

    @Test func namesStandOnce() {
        #expect(throws: SimError.self) { try ActionCatalog([ActionSchema("a"), ActionSchema("a")]) }
        #expect(throws: SimError.self) { try ActionCatalog((0..<257).map { ActionSchema("a\($0)") }) }
    }
}
