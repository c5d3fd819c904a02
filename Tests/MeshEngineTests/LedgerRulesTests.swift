import MeshCore
import MeshStore
import MeshTestSupport
import Testing

@testable import MeshEngine

@Suite struct LedgerRulesTests {
    private static func export(_ bench: MeshBench) throws -> [String] {
        var lines: [String] = []
        while true {
            let page = try bench.query(ExportLedger(from: Int64(lines.count)), as: bench.ownerActor)
            lines += page.entries
            if Int64(lines.count) >= page.size { return lines }
        }
    }

    @Test func aWriteMakesOneEntryAndARefusalNone() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        let size = bench.engine.ledgerSize
        try bench.ask(SetState(key: "k", value: 1), as: ann.actor)
        #expect(bench.engine.ledgerSize == size + 1)
        #expect(throws: MeshError.self) { try bench.ask(DeleteState(key: "missing"), as: ann.actor) }
        #expect(bench.engine.ledgerSize == size + 1)
    }

    @Test func anExportVerifiesOverTilesAndAReopenedFileHasTheSameHead() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        for start in stride(from: 0, to: 700, by: 100) {
            try bench.apply((start..<start + 100).map { (SetState(key: "k", value: .integer(Int64($0))), ann.actor) })
        }
        let origin = "mesh/\(bench.meshID)"
        let size = bench.engine.ledgerSize
        let note = Checkpoint(origin: origin, size: size, root: bench.engine.ledgerRoot)
            .sign(with: MeshBench.key(200), name: origin)
        var export = try Self.export(bench)
        export.append(JSON.object(["checkpoint": .string(note)]).text)
        let report = try LedgerVerifier.verify(
            export: Array(export.joined(separator: "\n").utf8), owner: bench.owner.publicKey)
        #expect(report.entries == size)
        #expect(report.root == bench.engine.ledgerRoot)
        let again = try MeshEngine(database: .init(path: bench.path, mode: .open), table: bench.table)
        #expect(again.ledgerRoot == bench.engine.ledgerRoot)
        try bench.ask(SetState(key: "k", value: 0), as: ann.actor)
        #expect(try bench.engine.state.root(at: size) == again.ledgerRoot)
        #expect(try bench.engine.state.root(at: 300) != again.ledgerRoot)
    }

    @Test func everyEntryCanBeProven() throws {
        let bench = try MeshBench()
        let ann = try bench.peer("ann", 10)
        try bench.apply((0..<400).map { (SetState(key: "k", value: .integer(Int64($0))), ann.actor) })
        let origin = "mesh/\(bench.meshID)"
        let size = bench.engine.ledgerSize
        let note = Checkpoint(origin: origin, size: size, root: bench.engine.ledgerRoot)
            .sign(with: MeshBench.key(200), name: origin)
        try bench.engine.state.database.transaction {
            try bench.engine.state.database.prepare("INSERT INTO checkpoint (size, note) VALUES (?, ?)").run(size, note)
        }
        for seq in [0, 1, 255, 256, 257, size - 1] {
            let proof = try bench.query(ProveEntry(seq: seq), as: ann.actor)
            let file = try InclusionProofFile.parse(proof.proof)
            let key = NoteKey(name: origin, key: MeshBench.key(200).publicKey)
            #expect(throws: Never.self) { try file.verify(entry: Array(proof.entry.utf8), keys: [key]) }
            #expect(throws: LedgerFault.self) { try file.verify(entry: Array(proof.entry.utf8) + [32], keys: [key]) }
        }
        let error = #expect(throws: MeshError.self) { try bench.query(ProveEntry(seq: size), as: ann.actor) }
        #expect(error?.code == .notFound)
    }
}
