import MeshCore
public import MeshSDK
public import MeshSim

/// Follows the domains of a federation on a mesh and merges what all of them have sealed: one chain, one set of values, for
/// whoever wants the whole. Only values of the same tick are merged.
public struct SimOrchestrator: Sendable {
    private let client: MeshClient
    private let federation: String
    private let domains: [String]
    private let rules: [MergeRule]
    private let simRun: String

    /// An orchestrator of some domains of a run. What it merges is published under `sim:<federation>:`.
    public init(
        client: MeshClient, federation: String, domains: [String], run: String = "", rules: [MergeRule] = []
    ) {
        simRun = run
        self.client = client
        self.federation = federation
        self.domains = domains
        self.rules = rules
    }

    /// Runs until `merged` gives false, or the client ends. Fails when two states of one tick contradict each other.
    public func run(_ merged: @Sendable (MergedTick) async throws -> Bool) async throws {
        var readers: [String: ManifestReader] = [:]
        var merger = try Merger(
            federation: federation, sources: domains.map { MergeSource($0) }, rules: rules)
        for await update in try await client.watchState(prefix: "sim:") {
            let changes: [StateChange] =
                switch update {
                case .snapshot(let entries, _): entries.map { StateChange(key: $0.key, value: $0.value) }
                case .changes(let changes, _, _):
                    changes.map { StateChange(key: $0.key, value: $0.deleted ? nil : $0.value) }
                }
            for domain in domains {
                let own = changes.filter { $0.key.hasPrefix(SimKey.prefix(domain)) }
                // A domain counts from where it has begun this run: what stands there before is another's.
                if readers[domain] == nil {
                    let sealed = own.last { $0.key == SimKey.prefix(domain) + SealedExports.key }?.value
                    let run = sealed.flatMap { try? StampedValue(json: $0) }.flatMap { SealedExports.run(of: $0.value) }
                    guard run == simRun else { continue }
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
