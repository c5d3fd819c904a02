import Foundation
import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

/// The same log gives the same state and the same ledger head, on every machine.
@Suite struct ReplayTests {
    /// A few hundred random commands by several peers, some of which are refused.
    static func drive(_ bench: MeshBench, seed: UInt64, steps: Int, each: () throws -> Void = {}) throws {
        var numbers = SeededNumbers(seed)
        var peers = try (0..<4).map { try bench.peer("p\($0)", UInt8(10 + $0)) }
        var pushed: [String] = []
        for step in 0..<steps {
            let place = Int.random(in: 0..<peers.count, using: &numbers)
            let peer = peers[place]
            switch Int.random(in: 0..<12, using: &numbers) {
            case 0:
                try bench.apply([
                    (SetStatus(status: PeerStatus.allCases.randomElement(using: &numbers) ?? .idle), peer.actor)
                ])
            case 1: try bench.apply([(JoinGroup(name: "g\(Int.random(in: 0..<3, using: &numbers))"), peer.actor)])
            case 2: try bench.apply([(SetState(key: "k\(step % 7)", value: .integer(Int64(step))), peer.actor)])
            case 3: try bench.apply([(DeleteState(key: "k\(step % 7)"), peer.actor)])
            case 4: try bench.apply([(bench.plain("*", "\(step)"), peer.actor), (bench.plain("@g1"), peer.actor)])
            case 5: try bench.pass(Int64.random(in: 1...400_000, using: &numbers))
            case 6:
                try bench.disconnect(peer)
                peers[place] = try bench.connect(UInt8(10 + place), session: UInt8(110 + place), replaces: true)
            case 7:
                pushed += bench.pushes(to: peer).map(\.messageId)
                try bench.apply([(Acknowledge(messageIDs: Array(Set(pushed.suffix(20))).sorted()), peer.actor)])
            case 8, 9:
                let target = peers.randomElement(using: &numbers) ?? peer
                let send = try #require(SealedSendTests.decoded(SealedSendTests.frame(to: target.session)))
                try bench.apply([(send, peer.actor), (send, peer.actor)])
            default:
                let target = "p\(Int.random(in: 0..<4, using: &numbers))"
                guard let send = try? bench.sealed(target, from: peer, id: "c\(step % 40)") else { continue }
                try bench.apply([(send, peer.actor), (SetSummary(summary: "\(step)"), peer.actor)])
            }
            bench.now += 1
            try each()
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aRecordedLogAppliedToAnEmptyStoreGivesTheSameHead(_ seed: UInt64) throws {
        let bench = try MeshBench()
        try Self.drive(bench, seed: seed, steps: 150)
        let copy = try bench.copyOfTheStart()
        for batch in bench.batches {
            _ = try copy.apply(RecordedBatch.parse(RecordedBatch.line(batch).dropLast(), table: bench.table))
        }
        #expect(copy.ledgerSize == bench.engine.ledgerSize)
        #expect(copy.ledgerRoot == bench.engine.ledgerRoot)
        for table in ["message", "delivery", "session", "member", "state_entry", "dead_letter", "ledger", "meta"] {
            #expect(try Self.contents(table, copy) == Self.contents(table, bench.engine), "\(table)")
        }
    }

    @Test func aBatchThatWasAppliedIsSkipped() throws {
        let bench = try MeshBench()
        _ = try bench.peer("ann", 10)
        let root = bench.engine.ledgerRoot
        #expect(try bench.engine.apply(bench.batches[0]).outcomes.isEmpty)
        #expect(bench.engine.ledgerRoot == root)
    }

    /// A request of a capability that breaks the rule on purpose.
    struct Clocked: WriteRequest {
        static let declaration = RequestDeclaration(
            "clocked", "Reads a clock that it must not read.", needs: .send, http: .none("a planted fault"))
        typealias Answer = Acknowledged
    }

    @Test func aPlantedClockReadIsCaughtByTheReplay() throws {
        let faulty = Capability("faulty") {
            Write(Clocked.self) { _, context in
                var time = timespec()
                clock_gettime(CLOCK_MONOTONIC, &time)
                try context.record("faulty.read", ["nanoseconds": .integer(Int64(time.tv_nsec) + Int64(time.tv_sec))])
                return Acknowledged(changed: 1)
            }
        }
        let bench = try MeshBench(Capabilities.all + [faulty])
        let ann = try bench.peer("ann", 10)
        for _ in 0..<5 { try bench.ask(Clocked(), as: ann.actor) }
        let copy = try bench.copyOfTheStart()
        for batch in bench.batches {
            _ = try copy.apply(RecordedBatch.parse(RecordedBatch.line(batch).dropLast(), table: bench.table))
        }
        #expect(copy.ledgerSize == bench.engine.ledgerSize)
        #expect(copy.ledgerRoot != bench.engine.ledgerRoot, "the heads must differ")
    }

    @Test func whatIsInMemoryIsWhatTheTablesSay() throws {
        let bench = try MeshBench()
        var step = 0
        try Self.drive(bench, seed: 11, steps: 120) {
            step += 1
            guard step % 10 == 0 else { return }
            let again = try MeshEngine(database: Database(path: bench.path, mode: .open), table: bench.table)
            #expect(Self.memory(again.state) == Self.memory(bench.engine.state))
        }
    }

    /// What the memory holds, without what lives only as long as a connection.
    private static func memory(_ state: EngineState) -> [String] {
        var lines: [String] = []
        for number in state.roster.sessionOrder {
            guard var session = state.roster.sessions[number] else { continue }
            session.attachment = .away
            lines.append("\(session)")
            for pending in state.mailboxes[number]?.all ?? [] {
                let isOffered = state.mailboxes[number]?.offered[pending.message] != nil
                lines.append("\(pending.message) \(pending.priority) \(pending.attempts) \(isOffered)")
            }
        }
        for (message, live) in state.live.sorted(by: { $0.key < $1.key }) {
            lines.append("live \(message) \(live.remaining) \(live.bucket)")
        }
        lines.append("next \(state.nextMessage) \(state.nextSession) \(state.nextMember)")
        lines.append("ledger \(state.ledger.size) \(state.ledger.root) \(state.ledger.head)")
        lines.append("state \(state.memory(State.Memory.self).revision) \(state.memory(State.Memory.self).count)")
        return lines
    }

    private static func contents(_ table: String, _ engine: MeshEngine) throws -> [String] {
        let columns = try engine.state.database.prepare("SELECT name FROM pragma_table_info('\(table)')").rows {
            $0.text(0)
        }
        let all = columns.map { "quote(\($0))" }.joined(separator: " || ',' || ")
        return try engine.state.database.prepare("SELECT \(all) FROM \(table) ORDER BY 1").rows { $0.text(0) }
    }
}
