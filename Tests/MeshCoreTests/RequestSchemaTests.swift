import MeshCore
import Testing

/// One request type, for the arguments of a test.
struct RequestCase: Sendable, CustomTestStringConvertible {
    let type: any Request.Type
    var testDescription: String { type.type }

    static let all: [RequestCase] =
        ([
            Send.self, Resolve.self, Acknowledge.self, GetMessageStatus.self, WatchMessage.self, ListInbox.self,
            WatchInbox.self, ListDeadLetters.self, SetStatus.self, SetSummary.self, SetVisible.self, ListPeers.self,
            JoinGroup.self, LeaveGroup.self, ListGroups.self, SetState.self, CompareAndSetState.self, DeleteState.self,
            BatchState.self, GetState.self, ListState.self, WatchState.self, Unwatch.self, AddMember.self,
            ListMembers.self, CreateInvite.self, WhoAmI.self, GetLedgerHead.self, ExportLedger.self, ProveEntry.self,
        ] as [any Request.Type]).map { RequestCase(type: $0) }
}

@Suite struct RequestSchemaTests {
    static func schema(_ type: any Request.Type) throws -> RequestSchema {
        func probe<Value: Request>(_ type: Value.Type) throws -> RequestSchema { try RequestSchema.probe(type) }
        return try probe(type)
    }

    @Test(arguments: RequestCase.all)
    func `a request has a line of help, and one for exactly each of its fields`(request: RequestCase) throws {
        #expect(!request.type.help.isEmpty)
        let found = try Self.schema(request.type).fields.map(\.name)
        #expect(Set(found).count == found.count)
        #expect(Set(found) == Set(request.type.fields.keys))
        for (name, help) in request.type.fields { #expect(!help.isEmpty, "\(name)") }
    }

    @Test func `each request has a type of its own, in lower case`() {
        let types = RequestCase.all.map { $0.type.type }
        #expect(types.count == 30)
        #expect(Set(types).count == types.count)
        for type in types { #expect(type.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) }, "\(type)") }
    }

    @Test(arguments: RequestCase.all)
    func `an answer has a type of its own that no request has`(request: RequestCase) {
        func answer<Value: Request>(_ type: Value.Type) -> String { Value.Answer.type }
        let type = answer(request.type)
        #expect(!type.isEmpty)
        #expect(type != request.type.type)
    }

    @Test(arguments: RequestCase.all)
    func `only a write needs more than to observe`(request: RequestCase) {
        if request.type.permission != .observe { #expect(request.type.kind == .write) }
    }

    @Test(arguments: RequestCase.all)
    func `a request that says only what it must can be read`(request: RequestCase) throws {
        func decode<Value: Request>(_ type: Value.Type, _ json: JSON) throws {
            _ = try JSONCoder.decode(type, from: json)
        }
        var object = JSONObject()
        for field in try Self.schema(request.type).fields where !field.isOptional {
            object[field.name] = example(field)
        }
        #expect(throws: Never.self) { try decode(request.type, .object(object)) }
        for field in try Self.schema(request.type).fields where !field.isOptional {
            var short = object
            short[field.name] = nil
            #expect(throws: JSONError.self, "without \(field.name)") { try decode(request.type, .object(short)) }
        }
    }

    @Test func `the fields of a send have their types`() throws {
        let fields = try RequestSchema.probe(Send.self).fields
        let types = Dictionary(uniqueKeysWithValues: fields.map { ($0.name, $0) })
        #expect(fields.filter { !$0.isOptional }.map(\.name) == ["targetSpec"])
        #expect(types["priority"]?.type == .enumeration(["now", "next", "low"]))
        #expect(types["ttl"]?.type == .integer)
        #expect(types["receipts"]?.type == .boolean)
        #expect(types["mentions"]?.type == .array(of: .string))
        guard case .array(of: .object(let copy))? = types["copies"]?.type else {
            Issue.record("copies is no array of objects")
            return
        }
        #expect(copy.fields.map(\.name) == ["session", "member", "nonce", "ciphertext", "bodyVersion"])
        #expect(copy.fields.filter { !$0.isOptional }.map(\.name) == ["nonce", "ciphertext"])
    }

    @Test func `a schema is JSON schema`() throws {
        let schema = try RequestSchema.probe(AddMember.self).jsonSchema
        #expect(schema["type"] == "object")
        #expect(schema["required"] == ["name", "pubkey"])
        #expect(schema["properties"]?["role"]?["enum"] == ["observer", "member", "admin", "owner"])
    }

    @Test func `roles have the permissions that they need`() {
        let granted = Role.allCases.map { role in Permission.allCases.filter { $0.isGranted(to: role) } }
        #expect(granted == [[.observe], [.observe, .send, .write], Permission.allCases, Permission.allCases])
    }

    /// A value of the field's type: keys and signatures are texts of their own lengths.
    private func example(_ field: RequestSchema.Field) -> JSON { example(field.type, name: field.name) }

    private func example(_ type: SchemaType, name: String) -> JSON {
        switch type {
        case .string:
            .string(Keys.a.publicKey.hex + (name.lowercased().contains("signature") ? Keys.b.publicKey.hex : ""))
        case .integer: 1
        case .number: 1
        case .boolean: true
        case .any: nil
        case .array: []
        case .object(let schema):
            .object(JSONObject(schema.fields.filter { !$0.isOptional }.map { ($0.name, example($0)) }))
        case .enumeration(let values): .string(values[0])
        }
    }
}
