import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli ledger …`
struct LedgerNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The mesh's record: read it, keep a copy, and check it yourself.",
        discussion: "Example: mesh-cli ledger verify",
        subcommands: [Head.self, Verify.self, Consistency.self, Export.self, Prove.self, Keys.self, RotateKey.self])

    /// `mesh-cli ledger head`
    struct Head: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Size, root and newest signed checkpoint.",
            discussion: """
                Keep a checkpoint, and `ledger consistency` shows later whether anything before it was changed.

                Example: mesh-cli ledger head --out monday.note
                """)

        @Option(help: ArgumentHelp("Save the signed checkpoint here; `-` prints it alone.", valueName: "file"))
        var out: String?

        @OptionGroup var replacing: ReplaceOption
        @OptionGroup var options: GlobalOptions

        func execute(_ printer: Printer) async throws {
            try replacing.check(out)
            let head = try await call(GetLedgerHead())
            if let out {
                guard let note = head.checkpoint else {
                    throw MeshError(.behind, "no checkpoint is signed yet", hint: "try again in a second")
                }
                // Evidence that is no evidence is not kept.
                _ = try await withAPI { try await $0.logKeys() }.verify(note: note)
                guard let out = FileArgument.output(out) else { return printer.raw(note) }
                try replacing.write(Array(note.utf8), to: out)
            }
            try printer.answer(head, isAsked: true) {
                """
                origin      \(Table.printable(head.origin))
                entries     \(head.size)
                root        \(Table.printable(head.root))
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
                export is checked offline, no profile needed; --owner pins its owner. A fault names its entry. A proof, as \
                `ledger prove` and `send --receipt` save it, is checked against --key, offline, or against the keys of the \
                profile's mesh.

                The first line is the verdict. What holds: each entry names the hash of the one before, entry 0 is signed \
                by the owner, and a checkpoint signed by the broker has the root of all of them ("level: chain, root and \
                signature"; without a checkpoint "chain"). Witnesses are others who sign checkpoints, so that a broker \
                cannot show two histories; there are none in this version: compare `ledger head` with somebody.

                Examples:
                  mesh-cli ledger verify lab.jsonl --owner 3b6a...29
                  mesh-cli ledger verify offer.proof --key 'mesh/...+1f2e3d4c+AQ...'
                """)

        @Argument(help: "An export, `-` for standard input; the mesh's ledger itself when absent.")
        var file: String?

        @Option(help: ArgumentHelp("The owner's public key that the ledger must have.", valueName: "hex"))
        var owner: String?

        @Option(
            help: ArgumentHelp(
                "The log key that must have signed a proof, as `ledger keys` prints it.", valueName: "key"))
        var key: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let pinned = try pinnedOwner()
            let report: LedgerVerifier.Report
            if let file {
                let bytes = try SystemCalls.readFile(file)
                if bytes.starts(with: InclusionProofFile.header.utf8) {
                    return try await verify(InclusionProofFile.parse(String(decoding: bytes, as: UTF8.self)), out)
                }
                report = try LedgerVerifier.verify(export: bytes, owner: pinned)
            } else {
                let credentials = try options.credentials().credentials
                report = try await withAPI(of: credentials) { api in
                    try await LedgerDownload(api: api, meshID: credentials.meshID).verify(
                        owner: pinned ?? credentials.owner)
                }
            }
            out.result(report.json(isOwnerPinned: file == nil || pinned != nil), isAsked: true) {
                report.text(isOwnerPinned: file == nil || pinned != nil, out.colour)
            }
        }

        /// Checks that the entry in a proof is in the ledger that the key has signed.
        private func verify(_ proof: InclusionProofFile, _ out: Printer) async throws {
            guard let bytes = proof.extra else {
                throw LedgerFault(proof.index, "the proof does not carry its entry; this command needs one that does")
            }
            let size = try Checkpoint.parse(note: proof.checkpoint).size
            let signer: NoteKey
            if let key {
                guard let known = NoteKey(text: Pasted.word(key)), known.key.isUsable else {
                    throw Failure.usage("--key: \(key) is no log key", hint: "mesh-cli ledger keys")
                }
                signer = known
            } else {
                signer = try await withAPI { try await $0.logKeys() }.key(atSize: size)
            }
            let checkpoint = try proof.verify(entry: bytes, keys: [signer])
            let entry = try LedgerEntry.parse(bytes)
            guard entry.seq == proof.index, entry.origin == checkpoint.origin, entry.origin == signer.name else {
                throw LedgerFault(proof.index, "the proof is of entry \(entry.seq) of \(entry.origin)")
            }
            out.result(
                [
                    "verified": true, "seq": .integer(entry.seq), "origin": .string(entry.origin),
                    "size": .integer(checkpoint.size), "key": .string(signer.text), "kind": .string(entry.kind),
                    "object": entry.object.map { .string($0) } ?? .null,
                ], isAsked: true
            ) {
                out.colour("OK:", .green)
                    + " entry \(entry.seq) (\(entry.kind)) is in \(entry.origin) of size \(checkpoint.size), signed by \(signer.text)."
            }
        }

        private func pinnedOwner() throws(Failure) -> PublicKey? {
            guard let owner else { return nil }
            guard let key = PublicKey(anyCaseHex: Pasted.word(owner)), key.isUsable else {
                throw .usage("--owner: \(owner) is not a public key", hint: "64 hex characters")
            }
            return key
        }
    }

    /// `mesh-cli ledger consistency OLD [NEW]`
    struct Consistency: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check that a checkpoint you kept is the beginning of a later one.",
            discussion: """
                Both are files with a signed checkpoint: of `ledger head --out`, `ledger export` or `ledger prove`. \
                Without NEW it is the broker's newest. It fails when a single earlier entry was changed or is gone.

                Example: mesh-cli ledger consistency monday.note
                """)

        @Argument(help: "The earlier checkpoint.")
        var old: String

        @Argument(help: "The later one; the broker's newest when absent.")
        var new: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let credentials = try options.credentials().credentials
            let (first, second) = (try Self.note(old), try new.map { try Self.note($0) })
            let (earlier, later, proof) = try await withAPI(of: credentials) { api in
                let keys = try await api.logKeys()
                let earlier = try keys.verify(note: first)
                let known = try second.map { try keys.verify(note: $0) }
                if let known, earlier.size > known.size {
                    throw Failure.usage(
                        "OLD has \(earlier.size) entries and NEW \(known.size)", hint: "name the earlier one first")
                }
                let head = try await api.call(GetLedgerHead())
                guard head.size >= max(earlier.size, known?.size ?? 0) else {
                    throw LedgerFault(
                        head.size,
                        "it is missing: a checkpoint was signed for \(max(earlier.size, known?.size ?? 0)) entries, the broker has \(head.size)"
                    )
                }
                let proof = try await api.call(ProveConsistency(old: earlier.size, new: known?.size))
                return (earlier, try known ?? keys.verify(note: proof.checkpoint), proof)
            }
            guard proof.old == earlier.size, proof.new == later.size,
                proof.verifies(oldRoot: earlier.root, newRoot: later.root)
            else {
                throw LedgerFault(
                    nil,
                    "the \(earlier.size) entries of the earlier checkpoint are not the beginning of the \(later.size) of the later one: history was rewritten. Keep both notes, both are signed"
                )
            }
            out.result([
                "consistent": true, "old": .integer(earlier.size), "new": .integer(later.size),
                "oldRoot": .string(earlier.root.hex), "newRoot": .string(later.root.hex),
            ]) {
                "The first \(earlier.size) entries are unchanged; \(later.size - earlier.size) came since."
            }
        }

        /// The signed checkpoint in a file: a note, a proof, or the last checkpoint of an export.
        private static func note(_ path: String) throws -> String {
            let text = String(decoding: try SystemCalls.readFile(path), as: UTF8.self)
            if let proof = try? InclusionProofFile.parse(text) { return proof.checkpoint }
            let lines = text.utf8.split(separator: 0x0A).map { Substring($0) }
                .filter { $0.begins(with: "{\"checkpoint\":") }
            if let line = lines.last, let note = try JSON.parse(Array(line.utf8))["checkpoint"]?.stringValue {
                return note
            }
            return text
        }
    }

    /// `mesh-cli ledger export [FILE]`
    struct Export: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy the ledger: a line for each entry as stored, then one with the signed checkpoint.",
            discussion: "Example: mesh-cli ledger export lab.jsonl && mesh-cli ledger verify lab.jsonl")

        @Argument(help: "Where to; standard output when absent or `-`.")
        var file: String?

        @OptionGroup var replacing: ReplaceOption
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let file = FileArgument.output(file)
            try replacing.check(file)
            guard let file else {
                // The lines are the result, in JSON already.
                _ = try await download { out.put($0) }
                return
            }
            // A page at a time: a ledger may be larger than the memory.
            let output = try replacing.begin(file)
            let (entries, checkpoint) = try await download { try output.write($0) }
            try output.finish()
            let fields: JSONObject = [
                "file": .string(file), "entries": .integer(entries), "bytes": .integer(output.bytes),
                "checkpointSize": checkpoint.map { .integer($0) } ?? .null,
            ]
            out.result(fields) { "Wrote \(entries) entries to \(file)." }
        }

        private func download(
            _ take: ([UInt8]) throws -> Void
        ) async throws -> (entries: Int64, checkpoint: Int64?) {
            let credentials = try options.credentials().credentials
            return try await withAPI(of: credentials) { api in
                try await LedgerDownload(api: api, meshID: credentials.meshID).lines(take)
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
