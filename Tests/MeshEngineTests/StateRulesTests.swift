import MeshCore
import MeshTestSupport
import Testing

@testable import MeshEngine

@Suite struct StateRulesTests {
    @Test func compareAndSetTellsTheCurrentVersion() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        #expect(try bench.ask(CompareAndSetState(key: "k", expectedVersion: 0, value: 1), as: ann.actor).version == 1)
        #expect(try bench.ask(CompareAndSetState(key: "k", expectedVersion: 1, value: 2), as: ann.actor).version == 2)
        let error = #expect(throws: MeshError.self) {
            try bench.ask(CompareAndSetState(key: "k", expectedVersion: 1, value: 3), as: ann.actor)
        }
        #expect(error?.code == .versionConflict)
        #expect(error?.details["version"] == 2)
    }

    @Test func aBatchIsAllOrNothingAndOneRevision() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(SetState(key: "a", value: 1), as: ann.actor)
        let failing = BatchState(operations: [
            .init(op: .set, key: "b", value: 1), .init(op: .check, key: "a", expectedVersion: 9),
        ])
        #expect(throws: MeshError.self) { try bench.ask(failing, as: ann.actor) }
        #expect(try !bench.query(GetState(key: "b"), as: ann.actor).found)
        let written = try bench.ask(
            BatchState(operations: [
                .init(op: .set, key: "b", value: 1), .init(op: .delete, key: "a"),
                .init(op: .set, key: "c", value: nil as JSON? ?? .null),
            ]), as: ann.actor)
        #expect(written.revision == 2)
        #expect(written.changed == 3)
        #expect(try bench.query(ListState(), as: ann.actor).entries.map(\.key) == ["b", "c"])
    }

    @Test func deletingWhatIsNotThereSaysSo() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let error = #expect(throws: MeshError.self) { try bench.ask(DeleteState(key: "k"), as: ann.actor) }
        #expect(error?.code == .notFound)
    }

    @Test func valuesDoNotStandInTheLedger() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.ask(SetState(key: "k", value: "a secret value"), as: ann.actor)
        let entries = try bench.query(ExportLedger(), as: ann.actor).entries
        #expect(entries.contains { $0.contains("state.set") })
        #expect(!entries.contains { $0.contains("secret") })
    }

    /// One watcher, and what it has seen.
    private struct Watcher {
        var connection: ConnectionID
        var prefix: String
        var values: [String: JSON]
        var revision: Int64
    }

    @Test(arguments: Array(1...20) as [UInt64])
    func noInterleavingOfWritersAndWatchersMissesRepeatsOrReordersAChange(_ seed: UInt64) throws {
        let bench = try MeshBench()
        var numbers = SeededNumbers(seed)
        let writers = try (0..<3).map { try bench.peer("w\($0)", UInt8(10 + $0)) }
        var watchers: [Watcher] = []
        for step in 0..<120 {
            if Int.random(in: 0..<8, using: &numbers) == 0 {
                // A watch may begin between any two batches.
                let connection = ConnectionID(rawValue: UInt64(10_000 + watchers.count))
                let prefix = ["", "a:", "b:", "a:1"].randomElement(using: &numbers) ?? ""
                let snapshot = try bench.query(
                    WatchState(prefix: prefix, watchId: "w"), as: writers[0].actor, on: connection)
                watchers.append(
                    Watcher(
                        connection: connection, prefix: prefix,
                        values: Dictionary(uniqueKeysWithValues: snapshot.entries.map { ($0.key, $0.value) }),
                        revision: snapshot.revision))
            }
            let commands: [(any Request, Actor)] = (0..<Int.random(in: 1...3, using: &numbers)).map { _ in
                let key =
                    "\(["a", "b"].randomElement(using: &numbers) ?? "a"):\(Int.random(in: 0..<3, using: &numbers))"
                let actor = (writers.randomElement(using: &numbers) ?? writers[0]).actor
                let value = JSON.integer(Int64(step))
                switch Int.random(in: 0..<4, using: &numbers) {
                case 0: return (DeleteState(key: key), actor)
                case 1:
                    return (
                        BatchState(operations: [
                            .init(op: .set, key: key, value: value), .init(op: .set, key: "a:9", value: value),
                        ]),
                        actor
                    )
                default: return (SetState(key: key, value: value), actor)
                }
            }
            try bench.apply(commands)
            for effect in bench.takeEffects() {
                guard case .push(let connection, let push) = effect, let changes = push.base as? StateChanges,
                    let place = watchers.firstIndex(where: { $0.connection == connection })
                else { continue }
                #expect(changes.revision > watchers[place].revision, "neither repeated nor reordered")
                watchers[place].revision = changes.revision
                for change in changes.changes {
                    #expect(change.key.hasPrefix(watchers[place].prefix))
                    watchers[place].values.removeValue(forKey: change.key)
                    if !change.deleted { watchers[place].values[change.key] = change.value }
                }
            }
            for watcher in watchers {
                let now = try bench.query(ListState(prefix: watcher.prefix), as: writers[0].actor)
                #expect(
                    Dictionary(uniqueKeysWithValues: now.entries.map { ($0.key, $0.value) }) == watcher.values,
                    "nothing missed")
            }
        }
        #expect(watchers.count > 3)
    }
}
