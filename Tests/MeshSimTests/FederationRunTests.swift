import MeshCore
import Testing

@testable import MeshSim

/// Whole federations of small domains, run in random order with crashes, against the same by force: tick after tick, one
/// domain after another.
@Suite struct FederationRunTests {
    /// A domain's state is a number, a function of its last and of what the tick reads.
    private static func step(_ name: String, _ tick: Int64, _ state: Int64, _ inputs: [(String, Int64?)]) -> Int64 {
        var hasher = StateHasher()
        hasher.add(Array(name.utf8))
        hasher.add(tick)
        hasher.add(state)
        for (input, value) in inputs {
            hasher.add(Array(input.utf8))
            hasher.add(value ?? -1)
        }
        return hasher.finish().bytes.prefix(7).reduce(0) { $0 << 8 | Int64($1) }
    }

    /// Random inputs; lookahead 0 only from a domain with a lower number, so that there is no cycle.
    private static func domains(_ seed: UInt64) -> [FederationDomain] {
        var stream = RandomStream(seed: seed, domain: "test", purpose: "graph")
        let count = 2 + stream.below(5)
        return (0..<count).map { place in
            var inputs: [DomainInput] = []
            for other in 0..<count where other != place && stream.chance(0.5) {
                let least = other < place ? 0 : 1
                inputs.append(DomainInput("d\(other)", lookahead: Int64(least + stream.below(4))))
            }
            return FederationDomain("d\(place)", inputs: inputs)
        }
    }

    /// Whose state, at which tick.
    private struct Place: Hashable {
        var domain: String
        var tick: Int64
    }

    @Test(arguments: 0..<15)
    func anyOrderAndAnyCrashGiveTheSameTicks(_ number: Int) throws {
        let seed = UInt64(number)
        let declared = Self.domains(seed)
        let end: Int64 = 25

        // By force: all domains make tick n, those with lower numbers first, before any makes n + 1.
        var expected: [Place: Int64] = [:]
        for domain in declared { expected[Place(domain: domain.name, tick: 0)] = 0 }
        for tick in 1...end {
            for domain in declared {
                let inputs = domain.inputs.map {
                    ($0.domain, expected[Place(domain: $0.domain, tick: tick - $0.lookahead)])
                }
                let last = expected[Place(domain: domain.name, tick: tick - 1)] ?? 0
                expected[Place(domain: domain.name, tick: tick)] = Self.step(domain.name, tick, last, inputs)
            }
        }

        for order in 0..<3 {
            var stream = RandomStream(seed: seed, domain: "test", purpose: "order", entity: UInt64(order))
            var table = try GrantTable(declared)
            var published: [Place: Int64] = [:]
            var states: [String: (tick: Int64, value: Int64)] = [:]
            for domain in declared {
                published[Place(domain: domain.name, tick: 0)] = 0
                states[domain.name] = (0, 0)
            }
            var checkpoints = states
            var crashed: [String] = []
            var turns = 0
            while table.galt ?? 0 < end {
                turns += 1
                try #require(turns < 100_000, "nobody goes on")
                let domain = declared[stream.below(declared.count)]
                let name = domain.name
                if crashed.contains(name) {
                    // Others go on as far as they can; they wait for it then.
                    guard stream.chance(0.1), let (tick, value) = checkpoints[name] else { continue }
                    crashed.removeAll { $0 == name }
                    try table.rejoin(name, from: tick)
                    states[name] = (tick, value)
                    continue
                }
                if stream.chance(0.02) {
                    crashed.append(name)
                    states[name] = nil
                    continue
                }
                let (last, value) = try #require(states[name])
                guard last < end, try table.mayEnter(name, last + 1) == .granted else { continue }
                let inputs = try table.reads(name, last + 1).map { read throws -> (String, Int64?) in
                    // Nothing that was forgotten is read again.
                    if let source = read.source {
                        #expect(try read.tick >= table.keepFrom(source))
                        #expect(published[Place(domain: source, tick: read.tick)] != nil)
                    }
                    return (read.input, read.source.flatMap { published[Place(domain: $0, tick: read.tick)] })
                }
                let next = Self.step(name, last + 1, value, inputs)
                let report = try table.sealed(name, last + 1)
                let known = published[Place(domain: name, tick: last + 1)]
                #expect(report == (known == nil ? .new : .repeated))
                #expect(known == nil || known == next)
                published[Place(domain: name, tick: last + 1)] = next
                states[name] = (last + 1, next)
                if stream.chance(0.2) {
                    checkpoints[name] = (last + 1, next)
                    try table.checkpointed(name, last + 1)
                }
            }
            for (place, value) in expected { #expect(published[place] == value, "\(place)") }
        }
    }

    /// Domains publish, changes reach readers late and in batches, the merger gets whole ticks in any order: the chain is
    /// the same.
    @Test(arguments: 0..<10)
    func anyDeliveryGivesTheSameMergedChain(_ number: Int) throws {
        let seed = UInt64(number)
        let names = ["a", "b", "c"]
        let end: Int64 = 12
        var logs: [[StateChange]] = []
        for (place, name) in names.enumerated() {
            var stream = RandomStream(seed: seed, domain: "test", purpose: "values", entity: UInt64(place))
            var publisher = try TickPublisher(domain: name)
            var log: [StateChange] = []
            for tick in 0...end {
                let values = (0..<4).filter { _ in stream.chance(0.8) }.map {
                    (name: "v\($0)", value: JSON.integer(Int64(stream.below(3))))
                }
                var hasher = StateHasher()
                hasher.add(tick)
                hasher.add(Int64(place))
                let root = hasher.finish()
                log += try publisher.publish(tick: tick, values: values, chain: root, stateRoot: root)
            }
            logs.append(log)
        }
        var heads: [[String]] = []
        for order in 0..<4 {
            var stream = RandomStream(seed: seed, domain: "test", purpose: "delivery", entity: UInt64(order))
            var readers = try names.map { try ManifestReader(domain: $0) }
            var merger = try Merger(
                federation: "f", sources: names.map { MergeSource($0) }, rules: [MergeRule("v1", .sum)])
            var places = [0, 0, 0]
            var found: [String] = []
            while places != logs.map(\.count) {
                let place = stream.below(3)
                let batch = min(stream.below(9), logs[place].count - places[place])
                let reading = readers[place].feed(Array(logs[place][places[place]..<(places[place] + batch)]))
                places[place] += batch
                #expect(reading.refused == [])
                for whole in reading.ticks {
                    for merged in try merger.add(whole) {
                        let values = merged.values.map { "\($0.key)=\($0.value.text)" }
                        found.append("\(try #require(merged.link.hash)) \(values)")
                    }
                }
            }
            #expect(found.count == Int(end) + 1)
            heads.append(found)
        }
        for other in heads.dropFirst() { #expect(other == heads[0]) }
    }
}
