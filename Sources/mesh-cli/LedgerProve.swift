import ArgumentParser
import MeshCore
import MeshSDK

extension LedgerNoun {
    /// `mesh-cli ledger prove SEQ-or-MESSAGE-ID`
    struct Prove: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Get and check a proof that an entry, or a message's acceptance, is in the ledger.",
            discussion: "Example: mesh-cli ledger prove 17 --out entry-17.proof")

        @Argument(help: ArgumentHelp("An entry's number, or a message's id.", valueName: "seq-or-message-id"))
        var subject: String

        @Option(help: ArgumentHelp("Save the proof here; `-` is standard output, as without it.", valueName: "file"))
        var out: String?

        @OptionGroup var replacing: ReplaceOption
        @OptionGroup var options: GlobalOptions

        func execute(_ printer: Printer) async throws {
            let out = FileArgument.output(out)
            try replacing.check(out)
            let credentials = try options.credentials().credentials
            let seq = Int64(subject).flatMap { $0 >= 0 && subject.utf8.count < 19 ? $0 : nil }
            let request = ProveEntry(seq: seq, messageId: seq == nil ? subject : nil)
            let (answer, checkpoint) = try await withAPI(of: credentials) { try await $0.signedProof(request) }
            if let out { try replacing.write(Array(answer.proof.utf8), to: out) }
            // Beside the proof, so that a redirected output is a proof file.
            if !printer.isJSON {
                printer.warn("Entry \(answer.seq) is in \(checkpoint.origin) of size \(checkpoint.size): verified.")
            }
            let more: JSONObject = ["verified": true, "size": .integer(checkpoint.size)]
            try printer.answer(answer, adding: out.map { more.with("file", .string($0)) } ?? more, isAsked: out == nil)
            {
                out.map { "Wrote \($0)." } ?? answer.proof
            }
        }
    }
}

extension MeshAPI {
    /// Asks again for up to three seconds while no checkpoint covers the entry yet.
    func signedProof(
        _ request: ProveEntry, isOwn: Bool = false
    ) async throws -> (answer: LedgerProof, checkpoint: Checkpoint) {
        let answer = try await Polling.last(timeout: Span(milliseconds: 3_000), isDone: { !$0.isBehind }) {
            do {
                return Result<_, any Error>.success(try await proof(request, isOwn: isOwn))
            } catch {
                return .failure(error)
            }
        }
        return try answer.get()
    }
}

extension Result {
    fileprivate var isBehind: Bool {
        if case .failure(let error as MeshError) = self { error.code == .behind } else { false }
    }
}
