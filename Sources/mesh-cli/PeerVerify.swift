import ArgumentParser
import MeshCore
import MeshSDK

extension PeerNoun {
    /// `mesh-cli peer verify NAME`
    struct Verify: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare keys with a member, so that no broker can stand between you.",
            discussion: """
                Prints a number that both of you see when nobody is in between. Read it to each other over another way, \
                then give what you heard: from then on nothing is sealed to another key under that name.

                Examples:
                  mesh-cli peer verify pia
                  mesh-cli peer verify pia --heard '01234 56789 ...'
                  mesh-cli peer verify pia --forget
                """)

        @Argument(help: "The member's name.", completion: LiveNames.members)
        var name: String

        @Option(help: ArgumentHelp("The number that the other side sees.", valueName: "number"))
        var heard: String?

        @Flag(help: "Forget that it was verified.")
        var forget = false

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let (credentials, profile) = try options.credentials()
            let members = try await withAPI(of: credentials) { try await $0.callAll(ListMembers()).members }
            guard let member = members.first(where: { Names.isSame($0.name, name) }) else {
                let near = Nearest.names(to: name, among: members.map(\.name), limit: 2)
                throw MeshError(
                    .notFound, "no member is called \(name)",
                    hint: near.isEmpty ? "mesh-cli member list" : "did you mean \(near.joined(separator: " or "))?")
            }
            guard member.pubkey != credentials.memberKey.publicKey else {
                throw Failure.usage("\(name) is yourself", hint: "name another member")
            }
            try member.pubkey.requireUsable(field: name, .badSignature)
            let number = SafetyNumber(credentials.memberKey.publicKey, member.pubkey)
            let known = credentials.verified[Names.normalised(name)]
            let slug = credentials.meshSlug
            if let heard, !number.matches(heard) {
                throw Failure(
                    .failure, "safety_number_differs", "the numbers differ: somebody may stand between you and \(name)",
                    hint: "compare all twelve groups again; if they differ, do not trust this broker")
            }
            if heard != nil { try options.store.setVerified(name, member.pubkey, mesh: slug, profile: profile) }
            if forget { try options.store.setVerified(name, nil, mesh: slug, profile: profile) }
            let isVerified = heard != nil || (known == member.pubkey && !forget)
            let hasChanged = known.map { $0 != member.pubkey } ?? false
            out.result(
                [
                    "name": .string(name), "pubkey": .string(member.pubkey.hex),
                    "safetyNumber": .string(number.description),
                    "verified": .bool(isVerified), "changed": .bool(hasChanged && heard == nil && !forget),
                ], isAsked: true
            ) {
                let rows = [number.groups[0..<4], number.groups[4..<8], number.groups[8..<12]].map {
                    "  " + $0.joined(separator: " ")
                }
                let state =
                    isVerified
                    ? "Verified." : hasChanged ? "ITS KEY HAS CHANGED since it was verified." : "Not verified yet."
                return "You and \(Table.printable(name)):\n" + rows.joined(separator: "\n") + "\n" + state
            }
        }
    }
}
