import MeshCore
import Testing

@Suite struct JSONCoderTests {
    struct Sample: Codable, Equatable {
        struct Part: Codable, Equatable {
            var name: String
            var weight: Double?
        }
        var text = "t"
        var flag = true
        var small: Int8 = -5
        var large: Int64 = .max
        var count: UInt16 = 7
        var ratio = 0.5
        var parts = [Part(name: "a", weight: 2), Part(name: "b", weight: nil)]
        var table = ["k": [1, 2]]
        var priority = Priority.low
        var key = Keys.a.publicKey
        var value: JSON = ["x": [nil, 1.5]]
        var absent: String?
    }

    struct Holder: Declared, Equatable {
        @NullableField("A value.") var value: String?
        @Field("Another.", name: "other_name") var other: Int?
        enum CodingKeys: String, CodingKey {
            case value
            case other = "other_name"
        }
        init() {}
        init(value: String?) { self.value = value }
    }

    @Test func `a value comes back and stands in the order of its declaration`() throws {
        let json = try JSONCoder.encode(Sample())
        #expect(
            json.objectValue?.keys == [
                "text", "flag", "small", "large", "count", "ratio", "parts", "table", "priority", "key", "value",
            ])
        #expect(try JSONCoder.decode(Sample.self, from: json) == Sample())
        #expect(try JSONCoder.decode(Sample.self, from: try JSON.parse(json.bytes())) == Sample())
    }

    @Test func `an absent optional is left out and null is read as absent`() throws {
        let json = try JSONCoder.encode(Sample.Part(name: "a", weight: nil))
        #expect(json == ["name": "a"])
        #expect(try JSONCoder.decode(Sample.Part.self, from: ["name": "a", "weight": nil]).weight == nil)
    }

    @Test func `a nullable field is always written`() throws {
        #expect(try JSONCoder.encode(Holder(value: nil)) == ["value": nil])
        #expect(try JSONCoder.decode(Holder.self, from: ["value": nil]).value == nil)
        #expect(try JSONCoder.decode(Holder.self, from: ["value": "x"]).value == "x")
    }

    @Test func `a declared field stands under its name on the wire, or not at all`() throws {
        var holder = Holder(value: "x")
        holder.other = 2
        #expect(try JSONCoder.encode(holder) == ["value": "x", "other_name": 2])
        #expect(try JSONCoder.decode(Holder.self, from: ["value": "x", "other_name": nil]).other == nil)
        #expect(Holder.fields.map(\.name) == ["value", "other_name"])
        #expect(Holder.fields.map(\.isOptional) == [false, true])
    }

    @Test func `unknown fields are ignored`() throws {
        #expect(try JSONCoder.decode(Sample.Part.self, from: ["name": "a", "more": [1]]).name == "a")
    }

    @Test(
        arguments: [
            ("text", nil, .missingField, ""), ("text", 1, .wrongType, "text"), ("flag", 1, .wrongType, "flag"),
            ("small", 128, .invalidValue, "small"), ("count", -1, .invalidValue, "count"),
            ("large", 1.5, .wrongType, "large"), ("large", "1", .wrongType, "large"),
            ("parts", [:], .wrongType, "parts"),
            ("parts", [["name": "a"], ["name": 2]], .wrongType, "parts[1].name"),
            ("parts", [["name": "a", "weight": "2"]], .wrongType, "parts[0].weight"),
            ("table", ["k": [1, "x"]], .wrongType, "table.k[1]"), ("priority", "soon", .invalidValue, "priority"),
            ("key", "00", .invalidValue, "key"), ("text", .null, .wrongType, "text"),
        ] as [(String, JSON?, JSONError.Kind, String)])
    func `a fault names its field`(field: String, value: JSON?, kind: JSONError.Kind, path: String) throws {
        var object = try #require(try JSONCoder.encode(Sample()).objectValue)
        object[field] = value
        let error = #expect(throws: JSONError.self) { try JSONCoder.decode(Sample.self, from: .object(object)) }
        #expect(error?.kind == kind)
        #expect(error?.path == path)
        #expect(error?.description.contains(field) == true)
    }

    @Test(arguments: [JSON.null, 1, "x", [], true])
    func `an object is wanted where there is something else`(value: JSON) {
        let error = #expect(throws: JSONError.self) { try JSONCoder.decode(Sample.self, from: value) }
        #expect(error?.kind == .wrongType)
        #expect(error?.message.contains("an object") == true)
    }

    @Test(arguments: [Double.infinity, -.infinity, .nan])
    func `a number that JSON has not is not written`(value: Double) {
        let error = #expect(throws: JSONError.self) { try JSONCoder.encode(["v": value]) }
        #expect(error?.kind == .invalidValue)
        #expect(error?.path == "v")
    }

    @Test func `an unsigned number of more than 63 bits is not written`() {
        #expect(throws: JSONError.self) { try JSONCoder.encode([UInt64.max]) }
        #expect(throws: Never.self) { try JSONCoder.encode([UInt64(Int64.max)]) }
    }

    @Test(
        arguments: [(TargetSpec(["*"]), JSON.string("*")), (TargetSpec(["@a", "b"]), JSON.array(["@a", "b"]))]
            as [(TargetSpec, JSON)])
    func `one target is a string and several are an array`(spec: TargetSpec, value: JSON) throws {
        #expect(try JSONCoder.encode(spec) == value)
        #expect(try JSONCoder.decode(TargetSpec.self, from: value) == spec)
    }

    @Test(arguments: [JSON.null, 1, [1], [["a"]], [:]])
    func `a target is nothing but text`(value: JSON) {
        #expect(throws: JSONError.self) { try JSONCoder.decode(TargetSpec.self, from: value) }
    }

    @Test func `a frame begins with its type and ends with the request's id`() throws {
        let bytes = try Acknowledged(changed: 2).frame(requestID: "7")
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"type":"acknowledged","changed":2,"_reqId":"7"}"#)
        #expect(try JSON.parse(Acknowledged(changed: 0).frame())["_reqId"] == nil)
    }
}
