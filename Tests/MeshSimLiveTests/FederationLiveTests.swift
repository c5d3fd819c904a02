import MeshBroker
import MeshCore
import MeshSDK
import MeshSim
import MeshSimLive
import MeshTestSupport
import Testing

/// A number that grows by what the other domain had.
enum Tide: Scenario {
    struct Parameters: Codable, Sendable { var begin: Int64 = 1 }
    static let name = "tide"
    static let rulesVersion = 1
    static let level = Attribute<Int64>("level", initial: 0)
    static func schema(_ parameters: Parameters) throws -> WorldSchema {
        try WorldSchema(types: [EntityType("sea") { level }])
    }
    static func begin(_ turn: inout Turn<Self>) throws {
        try turn.world.spawn("sea", id: "sea", ["level": .integer(turn.parameters.begin)])
    }
    static var actions: [Action<Self>] { [] }
    static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID { "sea" }
    static func step(_ turn: inout Turn<Self>) throws {
        let others = turn.imports.reduce(0) { $0 + ($1.values["level"]?.integerValue ?? 0) }
        let own = turn.world.get("sea", level) ?? 0
        try turn.world.set("sea", level, (own &* 3 &+ others &* 7 &+ turn.tick) % 10_007)
    }
    static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] { [] }
    static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] {
        [("level", .integer(turn.world.get("sea", level) ?? 0))]
    }
}

@Suite struct FederationLiveTests {
    private static let declarations = [
        FederationDomain("east", inputs: [DomainInput("west")]),
        FederationDomain("west", inputs: [DomainInput("east", lookahead: 2)]),
    ]

    private static func host(_ place: Int) throws -> SimHost<Tide> {
        try SimHost(
            sim: "tides", domain: declarations[place].name, parameters: .init(begin: Int64(place) + 1),
            seed: UInt64(place) + 1)
    }

    @Test func `domains on a mesh are the same as in one process, and are merged into one chain`() async throws {
        var play = try FederatedPlay(
            name: "tides",
            members: try Self.declarations.indices.map {
                (Self.declarations[$0], try LocalPlay(try Self.host($0), agents: []) as any FederatedMember)
            })
        var expected: [String] = []
        var events = try play.begin()
        while true {
            for case .merged(let tick) in events { expected.append(tick.link.hash?.hex ?? "") }
            if play.tick >= 15 { break }
            events = try play.advance(upTo: 15)
        }

        let mesh = try await TestBroker()
        let owner = mesh.client(mesh.owner)
        let credentials = try await running(owner) {
            [try await mesh.member("east", by: owner), try await mesh.member("west", by: owner)]
        }
        let clients = credentials.map { mesh.client($0) }
        let watcher = mesh.client(mesh.owner)
        let links = Links()
        try await running(watcher, clients[0], clients[1]) {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    let orchestrator = SimOrchestrator(
                        client: watcher, federation: "tides", domains: ["west", "east"], run: "one")
                    try await orchestrator.run { tick in
                        links.add(tick.link)
                        return tick.link.tick < 15
                    }
                }
                for place in 0..<2 {
                    tasks.addTask {
                        var settings = ControllerSettings()
                        settings.ticks = 15
                        settings.publishes = true
                        settings.run = "one"
                        settings.inputs = Self.declarations[place].inputs
                        let controller = try SimController(
                            try Self.host(place), client: clients[place], settings: settings)
                        _ = try await controller.run()
                    }
                }
                while try await tasks.next() != nil {}
            }
        }
        await mesh.broker.shutdown()
        // Merged values carry the view and the metrics besides the exports; the chain holds the same states all the same.
        #expect(links.all.map { $0.hash?.hex ?? "" } == expected)
    }
}
