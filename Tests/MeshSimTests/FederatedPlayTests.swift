import MeshCore
import Testing

@testable import MeshSim

/// A world of one number that grows by what the others had: enough to see which tick was read.
private enum Sum: Scenario {
    struct Parameters: Codable, Sendable { var begin: Int64 = 1 }
    static let name = "sum"
    static let rulesVersion = 1
    static let value = Attribute<Int64>("value", initial: 0)
    static func schema(_ parameters: Parameters) throws -> WorldSchema {
        try WorldSchema(types: [EntityType("cell") { value }])
    }
    static func begin(_ turn: inout Turn<Self>) throws {
        try turn.world.spawn("cell", id: "cell", ["value": .integer(turn.parameters.begin)])
    }
    static var actions: [Action<Self>] { [] }
    static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        throw SimError("nobody takes part")
    }
    static func step(_ turn: inout Turn<Self>) throws {
        let others = turn.imports.reduce(0) { $0 + ($1.values["value"]?.integerValue ?? 0) }
        let own = turn.world.get("cell", value) ?? 0
        try turn.world.set("cell", value, (own &* 3 &+ others &* 7 &+ turn.tick) % 1_000_003)
    }
    static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] { [] }
    static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] {
        [("value", .integer(turn.world.get("cell", value) ?? 0))]
    }
}

@Suite struct FederatedPlayTests {
    private static let declarations = [
        FederationDomain("a", inputs: [DomainInput("b"), DomainInput("c", lookahead: 2)]),
        FederationDomain("b", inputs: [DomainInput("a"), DomainInput("c")]),
        FederationDomain("c", inputs: [DomainInput("a", lookahead: 3)]),
    ]

    private static func play() throws -> FederatedPlay {
        try FederatedPlay(
            name: "sums",
            members: declarations.enumerated().map { place, declaration in
                let host = try SimHost<Sum>(
                    sim: "sums", domain: declaration.name, parameters: .init(begin: Int64(place) + 1),
                    seed: UInt64(place))
                return (declaration, try LocalPlay(host, agents: [], seed: 1))
            })
    }

    /// Runs in an order of rounds drawn by a seed; gives each domain's chain and the merged one.
    private static func run(_ ticks: Int64, seed: UInt64?) throws -> (chains: [String: [String]], merged: [MergedLink])
    {
        var play = try play()
        var random = RandomStream(seed: seed ?? 0, names: ["order"])
        var chains: [String: [String]] = [:]
        var merged: [MergedLink] = []
        var events = try play.begin()
        while true {
            for event in events {
                switch event {
                case .sealed(let name, let line): chains[name, default: []].append(line.chain)
                case .merged(let tick): merged.append(tick.link)
                }
            }
            if play.tick >= ticks { return (chains, merged) }
            var order = declarations.map(\.name)
            if seed != nil {
                random.shuffle(&order)
                // Some make several ticks before another is looked at again.
                order = order.flatMap { Array(repeating: $0, count: 1 + random.below(3)) }
            }
            events = try play.advance(upTo: ticks, order: order)
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `in what order domains go on changes nothing`(_ seed: UInt64) throws {
        let (expected, merged) = try Self.run(30, seed: nil)
        let (found, other) = try Self.run(30, seed: seed)
        #expect(found == expected && other == merged)
    }

    @Test func `each reads the tick that its declaration says`() throws {
        // The same by hand: below tick 0 there is nothing to read.
        var values: [[Int64]] = [[1], [2], [3]]
        for tick in 1...12 {
            func read(_ domain: Int, _ lookahead: Int) -> Int64 {
                tick - lookahead < 0 ? 0 : values[domain][tick - lookahead]
            }
            let others = [read(1, 1) + read(2, 2), read(0, 1) + read(2, 1), read(0, 3)]
            for domain in 0..<3 {
                values[domain].append((values[domain][tick - 1] &* 3 &+ others[domain] &* 7 &+ Int64(tick)) % 1_000_003)
            }
        }
        var play = try Self.play()
        var merged: [Int64: [String: Int64]] = [:]
        var events = try play.begin()
        while true {
            for case .merged(let tick) in events {
                for (key, value) in tick.values { merged[tick.link.tick, default: [:]][key] = value.integerValue }
            }
            if play.tick >= 12 { break }
            events = try play.advance(upTo: 12)
        }
        for tick in 0...12 {
            #expect(
                merged[Int64(tick)] == [
                    "sim:a:value": values[0][tick], "sim:b:value": values[1][tick], "sim:c:value": values[2][tick],
                ])
        }
    }

    @Test func `the merged chain holds every domain's state, and no other`() throws {
        let (chains, merged) = try Self.run(10, seed: 4)
        let end = try MergedChain(federation: "sums").verify(merged)
        #expect(end.tick == 10)
        let link = try #require(merged.last)
        #expect(link.parts.map(\.domain) == ["a", "b", "c"] && link.parts.allSatisfy { $0.stale == 0 })
        for part in link.parts {
            #expect(part.chain == chains[part.domain]?.last)
            let (chain, root) = (Digest(hex: part.chain) ?? .zero, Digest(hex: part.stateRoot) ?? .zero)
            #expect(link.proves(part.domain, chain: chain, stateRoot: root, head: end.head))
            #expect(!link.proves(part.domain, chain: chain, stateRoot: .zero, head: end.head))
        }
        var altered = merged
        altered[5].parts[1].stateRoot = String(repeating: "0", count: 64)
        #expect(throws: FederationError.self) { try MergedChain(federation: "sums").verify(altered) }
    }

    @Test func `a cycle without lookahead is refused`() {
        #expect(throws: FederationError.self) {
            try FederatedPlay(
                name: "x",
                members: [
                    (
                        FederationDomain("a", inputs: [DomainInput("a", lookahead: 0)]),
                        try LocalPlay(
                            try SimHost<Sum>(sim: "x", domain: "a", parameters: .init(), seed: 1), agents: [], seed: 1)
                    )
                ])
        }
    }
}
