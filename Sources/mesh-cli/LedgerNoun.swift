import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli ledger …`
struct LedgerNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The mesh's record: read it, keep a copy, and check it yourself.",
        discussion: "Example: mesh-cli ledger verify",
        subcommands: [Head.self, Verify.self, Export.self, Prove.self])

    /// `mesh-cli ledger head`
    struct Head: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Size, root and newest signed checkpoint.", discussion: "Example: mesh-cli ledger head --json")

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let head = try await call(GetLedgerHead())
            try out.answer(head, isAsked: true) {
                """
                origin      \(head.origin)
                entries     \(head.size)
                root        \(head.root)
                checkpoint  \(head.checkpointSize.map { "signed at size \($0)" } ?? "none yet")
                owner       \(head.owner.hex)
                witnesses   \(head.witnesses)
                """
            }
        }
    }

    /// `mesh-cli ledger verify [FILE]`
    struct Verify: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the whole ledger: chain, root, owner and signatures.",
            discussion: """
                Without FILE the ledger is downloaded and must be the owner's whom the profile names. With FILE an \
                export is checked offline, no profile needed; --owner pins its owner. A fault names its entry.

                Example: mesh-cli ledger verify lab.jsonl --owner 3b6a…29
                """)

        @Argument(help: "An export; the mesh's ledger itself when absent.")
        var file: String?

        @Option(help: ArgumentHelp("The owner's public key that the ledger must have.", valueName: "hex"))
        var owner: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let pinned = try pinnedOwner()
            let report: LedgerVerifier.Report
            if let file {
                report = try LedgerVerifier.verify(export: SystemCalls.readFile(file), owner: pinned)
            } else {
                let credentials = try options.credentials().credentials
                report = try await withAPI(of: credentials) { api in
                    try await LedgerDownload(api: api).verify(owner: pinned ?? credentials.owner)
                }
            }
            out.result(report.json(isOwnerPinned: file == nil || pinned != nil), isAsked: true) {
                report.text(isOwnerPinned: file == nil || pinned != nil)
            }
        }

        private func pinnedOwner() throws(Failure) -> PublicKey? {
            guard let owner else { return nil }
            guard let key = PublicKey(hex: owner) else {
                throw .usage("--owner: \(owner) is not a public key", hint: "64 lower-case hex characters")
            }
            return key
        }
    }

    /// `mesh-cli ledger export [FILE]`
    struct Export: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy the ledger: a line for each entry as stored, then one with the signed checkpoint.",
            discussion: "Example: mesh-cli ledger export lab.jsonl && mesh-cli ledger verify lab.jsonl")

        @Argument(help: "Where to; standard output when absent.")
        var file: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            guard let file else {
                // The lines are the result, in JSON already.
                try await withAPI { api in _ = try await LedgerDownload(api: api).lines { out.put($0) } }
                return
            }
            var bytes: [UInt8] = []
            let (entries, checkpoint) = try await withAPI { api in
                try await LedgerDownload(api: api).lines { bytes += $0 }
            }
            try SystemCalls.writeFile(file, bytes)
            let fields: JSONObject = [
                "file": .string(file), "entries": .integer(entries), "bytes": .integer(Int64(bytes.count)),
                "checkpointSize": checkpoint.map { .integer($0) } ?? .null,
            ]
            out.result(fields) { "Wrote \(entries) entries to \(file)." }
        }
    }

    /// `mesh-cli ledger prove SEQ-or-MESSAGE-ID`
    struct Prove: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Get and check a proof that an entry, or a message's acceptance, is in the ledger.",
            discussion: "Example: mesh-cli ledger prove 17 --out entry-17.proof")

        @Argument(help: ArgumentHelp("An entry's number, or a message's id.", valueName: "seq-or-message-id"))
        var subject: String

        @Option(help: ArgumentHelp("Save the proof here.", valueName: "file"))
        var out: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ printer: Printer) async throws {
            let credentials = try options.credentials().credentials
            let seq = Int64(subject).flatMap { $0 >= 0 && subject.utf8.count < 19 ? $0 : nil }
            let request = ProveEntry(seq: seq, messageId: seq == nil ? subject : nil)
            let answer = try await withAPI(of: credentials) { try await Self.ask(request, $0) }
            let checkpoint = try answer.verify(request, credentials)
            if let out { try SystemCalls.writeFile(out, Array(answer.proof.utf8)) }
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

        /// Asks again for up to three seconds while no checkpoint covers the entry yet.
        private static func ask(_ request: ProveEntry, _ api: MeshAPI) async throws -> LedgerProof {
            let end = SystemCalls.uptime() + 3_000
            while true {
                do {
                    return try await api.call(request)
                } catch {
                    guard error.code == .behind, SystemCalls.uptime() < end else { throw error }
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
        }
    }
}

extension JSONObject {
    /// The same members and one more.
    func with(_ key: String, _ value: JSON) -> JSONObject {
        var copy = self
        copy[key] = value
        return copy
    }
}
