public import MeshCore
public import MeshSDK
public import MeshSim

/// Follows the domains of a federation on a mesh and merges what all have sealed into one chain and one set of values.
/// Only values of the same tick are merged.
public struct SimOrchestrator: Sendable {
    private let client: MeshClient
    private let federation: String
    private let domains: [String]
    private let rules: [MergeRule]
    private let simRun: String
    private let authors: [String: PublicKey]

    /// An orchestrator of some domains of a run. What it merges is published under `sim:<federation>:`. `authors` names the
    /// members whose values are a domain's; of other domains only the first writer in this run is trusted.
    public init(
        client: MeshClient, federation: String, domains: [String], run: String = "", rules: [MergeRule] = [],
        authors: [String: PublicKey] = [:]
    ) {
        simRun = run
        self.authors = authors
        self.client = client
        self.federation = federation
        self.domains = domains
        self.rules = rules
    }

    /// Runs until `merged` returns false, or the client ends. Fails when two states of one tick contradict each other.
    public func run(_ merged: @Sendable (MergedTick) async throws -> Bool) async throws {
        var readers: [String: ManifestReader] = [:]
        var merger = try Merger(
            federation: federation, sources: domains.map { MergeSource($0) }, rules: rules)
        var authors = DomainAuthors(self.authors)
        for await update in try await client.watchState(prefix: "sim:") {
            let changes: [(change: StateChange, author: PublicKey?)] =
                switch update {
                case .snapshot(let entries, _):
                    entries.map { (StateChange(key: $0.key, value: $0.value), $0.updatedByKey) }
                case .changes(let changes, _, let author):
                    changes.map { (StateChange(key: $0.key, value: $0.deleted ? nil : $0.value), author.key) }
                }
            for domain in domains {
                let prefix = SimKey.prefix(domain)
                let known = authors.author(of: domain)
                // Of a domain that is known only its own values count; of another the one that says which run it makes.
                var own: [StateChange] = []
                var sealer: PublicKey?
                for (change, author) in changes where change.key.hasPrefix(prefix) {
                    guard known == nil || author == known else { continue }
                    own.append(change)
                    if change.key == prefix + SealedExports.key { sealer = author }
                }
                // A domain counts from where it has begun this run: what stands there before is another's.
                if readers[domain] == nil {
                    let sealed = own.last { $0.key == SimKey.prefix(domain) + SealedExports.key }?.value
                    let run = sealed.flatMap { try? StampedValue(json: $0) }.flatMap { SealedExports.run(of: $0.value) }
                    guard run == simRun, authors.accepts(sealer, of: domain) else { continue }
                    own = changes.filter { $0.change.key.hasPrefix(prefix) && $0.author == sealer }.map(\.change)
                    readers[domain] = try ManifestReader(domain: domain)
                }
                guard !own.isEmpty, let reading = readers[domain]?.feed(own) else { continue }
                for whole in reading.ticks {
                    for tick in try merger.add(whole) {
                        try await publish(tick, merger.chain)
                        guard try await merged(tick) else { return }
                    }
                }
            }
        }
    }

    private func publish(_ tick: MergedTick, _ chain: MergedChain) async throws {
        let value: JSON = [
            "tick": .integer(tick.link.tick), "chain": .string(chain.head.hex),
            "link": try JSONCoder.encode(tick.link),
            "values": .object(JSONObject(tick.values.map { ($0.key, $0.value) })),
        ]
        try await client.setState(try SimKey.make(federation, "merged"), value)
    }
}
