import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// A message has a short way and a general way: nobody can tell from what they leave which one it went.
@Suite struct SealedSendTests {
    private static let nonce = Base64.encode([UInt8](repeating: 5, count: 24))
    private static let box = Base64.encode([UInt8](repeating: 6, count: 40))

    static func decoded(_ fields: JSONObject) -> (any Request)? {
        var scanner = FlatScanner()
        return WireFrame.bytes(type: "send", fields: fields).withUnsafeBytes { bytes in
            scanner.scan(bytes) ? SealedSend.decoder(scanner, bytes) : nil
        }
    }

    static func frame(to key: PublicKey, _ more: JSONObject = JSONObject()) -> JSONObject {
        var fields = JSONObject([
            ("targetSpec", .string(key.hex)), ("nonce", .string(nonce)), ("ciphertext", .string(box)),
        ])
        for (name, value) in more { fields[name] = value }
        return fields
    }

    // MARK: Reading

    @Test(
        arguments: [
            [:], ["id": "7"], ["id": ""], ["client_message_id": "0f8fad5b-d9cb-469f-a165-70867728950e"],
            ["priority": "now"],
            ["priority": "next", "ttl": 60_000],
            ["priority": "low", "id": "x", "client_message_id": "c", "ttl": 1_000],
            ["_reqId": "r"],
        ] as [JSONObject])
    func `a sealed send says what the general one says`(more: JSONObject) throws {
        let fields = Self.frame(to: MeshBench.key(9).publicKey, more)
        let sealed = try #require(Self.decoded(fields) as? SealedSend)
        let general = try JSONCoder.decode(Send.self, from: .object(fields))
        #expect(try JSONCoder.encode(sealed) == JSONCoder.encode(general))
        #expect(sealed.contents.fingerprint == Messages.fingerprint(general))
        #expect(sealed.outgoing == general.outgoing)
        let again = try JSONCoder.decode(SealedSend.self, from: JSONCoder.encode(sealed))
        #expect(again.contents.bytes == sealed.contents.bytes)
    }

    @Test(
        arguments: [
            ["targetSpec": "bob"], ["targetSpec": "*"], ["targetSpec": .string(String(repeating: "A", count: 64))],
            ["nonce": ""], ["nonce": "AAAA"], ["nonce": .string(String(repeating: "=", count: 32))],
            ["ciphertext": "aGk="], ["ciphertext": .string(String(repeating: "A", count: 30))],
            ["ciphertext": .string(String(repeating: "A", count: 90_000))], ["encrypted": true], ["encrypted": false],
            ["receipts": true], ["replyToId": "0123456789abc"], ["request_fingerprint": "f"], ["priority": "soon"],
            ["ttl": 999], ["ttl": "1"], ["client_message_id": ""], ["id": .string(String(repeating: "i", count: 129))],
            ["client_message_id": .string(String(repeating: "i", count: 129))], ["other": 1], ["mentions": ["a"]],
        ] as [JSONObject])
    func `whatever else a send says is read the general way`(more: JSONObject) throws {
        #expect(!(Self.decoded(Self.frame(to: MeshBench.key(9).publicKey, more)) is SealedSend))
    }

    // MARK: Deciding

    /// What surrounds a message: the short way takes only the plainest.
    enum Situation: CaseIterable {
        case plain, low, working, away, inbox, foreign, blocked, watched, held, full, unknown, itself, retried, conflict
        case labelled, observer

        /// Whether the short way takes it.
        var isShort: Bool { [.plain, .low, .labelled].contains(self) }
    }

    private struct Mesh {
        let bench: MeshBench
        let bob: MeshBench.Peer
        let eve: MeshBench.Peer

        init(_ situation: Situation) throws {
            bench = try MeshBench()
            bob = try bench.peer("bo\"b", 10, role: situation == .observer ? .observer : .member)
            try bench.ask(
                AddMember(name: "eve", pubkey: MeshBench.key(11).publicKey, role: .member), as: bench.ownerActor)
            eve = try bench.connect(
                11, session: 111, label: situation == .labelled ? "desk" : nil, foreign: situation == .foreign)
            switch situation {
            case .working: try bench.ask(SetStatus(status: .working), as: eve.actor)
            case .away: try bench.disconnect(eve)
            case .inbox: _ = bench.engine.state.roster.update(eve.number) { $0.messageMode = .inbox }
            case .blocked: try bench.apply([(SetGrants(peer: "bo\"b", grants: []), eve.actor)])
            case .watched: _ = try bench.query(WatchInbox(), as: eve.actor, on: eve.connection)
            case .held:
                try bench.apply([(SetStatus(status: .dnd), eve.actor)])
                try bench.send("eve", from: bob)
            case .full:
                try bench.apply(
                    (0..<DeliveryPolicy.window).map { _ in (bench.plain("*") as any Request, bob.actor) })
            default: break
            }
            _ = bench.takeEffects()
        }

        func fields(_ situation: Situation, _ number: Int) -> JSONObject {
            let key =
                switch situation {
                case .unknown: MeshBench.key(77).publicKey
                case .itself: bob.session
                default: eve.session
                }
            var fields = SealedSendTests.frame(to: key, ["id": .string("\(number)")])
            fields["client_message_id"] = .string(situation == .retried || situation == .conflict ? "c" : "c\(number)")
            if situation == .conflict, number == 1 { fields["priority"] = "low" }
            if situation == .low { fields["priority"] = "low" }
            return fields
        }

        /// Everything that is stored, told and answered.
        func sent(_ situation: Situation, _ read: (JSONObject) throws -> any Request) throws -> [String] {
            var lines: [String] = []
            for number in 0..<3 {
                bench.now += 1
                let request = try read(fields(situation, number))
                for answer in try bench.apply([(request, bob.actor)]) {
                    switch answer {
                    case .success(let reply): lines.append(String(decoding: try reply.frame(), as: UTF8.self))
                    case .failure(let error): lines.append("\(error)")
                    }
                }
            }
            for effect in bench.takeEffects() {
                switch effect {
                case .push(let connection, let push):
                    let frame = try push.frame(for: .mesh).map { try JSON.parse($0, limits: .frame) }
                    lines.append("\(connection) \(frame?.text ?? "nothing")")
                default: lines.append("\(effect)")
                }
            }
            let engine = bench.engine
            for table in ["message", "delivery", "dead_letter", "ledger", "session"] { lines += try contents(table) }
            lines.append("\(engine.ledgerRoot) \(engine.nextDue ?? 0)")
            for (seq, live) in engine.state.live.sorted(by: { $0.key < $1.key }) { lines.append("\(seq) \(live)") }
            for number in engine.state.roster.sessionOrder {
                lines.append("\(engine.state.mailboxes[number]?.all ?? [])")
            }
            return lines
        }

        private func contents(_ table: String) throws -> [String] {
            let database = bench.engine.state.database
            let columns = try database.prepare("SELECT name FROM pragma_table_info('\(table)')").rows { $0.text(0) }
            let all = columns.map { "typeof(\($0)) || quote(\($0))" }.joined(separator: " || ',' || ")
            return try database.prepare("SELECT \(all) FROM \(table) ORDER BY 1").rows { $0.text(0) }
        }
    }

    @Test(arguments: Situation.allCases)
    func `both ways leave the same`(situation: Situation) throws {
        let short = try Mesh(situation).sent(situation) { try #require(Self.decoded($0) as? SealedSend) }
        let general = try Mesh(situation).sent(situation) { try JSONCoder.decode(Send.self, from: .object($0)) }
        #expect(short == general)
    }

    @Test(arguments: Situation.allCases)
    func `the short way is taken by the plain ones alone`(situation: Situation) throws {
        let mesh = try Mesh(situation)
        _ = try mesh.bench.apply([
            (try #require(Self.decoded(mesh.fields(situation, 0)) as? SealedSend), mesh.bob.actor)
        ])
        let isShort = mesh.bench.effects.contains { effect in
            if case .push(_, let push) = effect { push is SealedMessage } else { false }
        }
        #expect(isShort == (situation.isShort || situation == .retried || situation == .conflict))
    }

    @Test func `a route follows the roster`() throws {
        let mesh = try Mesh(.plain)
        let send = try #require(Self.decoded(mesh.fields(.plain, 0)) as? SealedSend)
        try mesh.bench.apply([(send, mesh.bob.actor)])
        try mesh.bench.disconnect(mesh.eve)
        _ = mesh.bench.takeEffects()
        let next = try #require(Self.decoded(mesh.fields(.plain, 1)) as? SealedSend)
        try mesh.bench.apply([(next, mesh.bob.actor)])
        #expect(mesh.bench.takeEffects().isEmpty, "nobody is there to be offered it")
        let back = try mesh.bench.connect(11, session: 111)
        #expect(mesh.bench.pushes(to: back).count == 2)
        try mesh.bench.ask(RemoveMember(member: "bo\"b"), as: mesh.bench.ownerActor)
        let last = try #require(Self.decoded(mesh.fields(.plain, 2)) as? SealedSend)
        guard case .failure(let error)? = try mesh.bench.apply([(last, mesh.bob.actor)]).first else {
            Issue.record("a member that was removed sends")
            return
        }
        #expect(error.code == .unauthorized || error.code == .revoked)
    }

    @Test(arguments: [true, false], [true, false])
    func `a retry after a restart is known`(first: Bool, second: Bool) throws {
        let mesh = try Mesh(.plain)
        let fields = mesh.fields(.plain, 0)
        func request(_ isSealed: Bool) throws -> any Request {
            isSealed
                ? try #require(Self.decoded(fields) as? SealedSend)
                : try JSONCoder.decode(Send.self, from: .object(fields))
        }
        try mesh.bench.apply([(request(first), mesh.bob.actor)])
        let again = try MeshEngine(database: Database(path: mesh.bench.path, mode: .open), table: mesh.bench.table)
        let batch = Batch(
            number: again.state.applied + 1, now: mesh.bench.now + 1,
            commands: [
                Command(
                    actor: mesh.bob.actor, request: try request(second),
                    entropy: try #require(Entropy(hex: String(repeating: "0", count: 64))))
            ])
        let ack = try #require(try again.apply(batch).outcomes.first?.result.get().frame())
        #expect(try JSON.parse(ack, limits: .frame)["duplicate"] == true)
    }
}
