import MeshCore
import MeshSim
import MeshSimProgram
import RetailStore

/// The retail store as a program: `run` plays it in one process, `serve` on a mesh; `run federated` plays its three domains.
@main struct SimRetail {
    static func main() async {
        let presets: [(name: String, parameters: RetailStore.Parameters)] = [("small", .small), ("busy", .busy)]
        await SimProgram.main(scenarios: [
            .scenario(
                RetailStore.self, summary: "A store: customers, representatives, a manager, tills and shelves.",
                presets: presets, ticks: 120
            ) { _ in
                agents("customer", 6, CustomerMind.decide) + agents("representative", 2, RepresentativeMind.decide)
                    + agents("manager", 1, ManagerMind.decide)
            },
            .scenario(
                FloorDomain.self, summary: "The store's floor: customers and where they are.", presets: presets,
                ticks: 120
            ) { _ in agents("customer", 6, CustomerMind.decide) },
            .scenario(
                InventoryDomain.self, summary: "The store's shelves: stock, prices, restocking.", presets: presets,
                ticks: 120
            ) { _ in agents("manager", 1, ManagerMind.decide) },
            .scenario(QueueDomain.self, summary: "The store's tills.", presets: presets, ticks: 120) { _ in [] },
            .federation(
                "federated", summary: "The store as three domains in one process, merged into one chain.",
                presets: presets, ticks: 120, domains: RetailFederation.domains.map(\.name)
            ) { parameters, seed in
                func host<Rules: Scenario>(
                    _ rules: Rules.Type, _ domain: String, _ agents: [LocalAgent]
                ) throws -> any FederatedMember where Rules.Parameters == RetailStore.Parameters {
                    try LocalPlay(
                        try SimHost<Rules>(sim: "retail", domain: domain, parameters: parameters, seed: seed),
                        agents: agents)
                }
                let members = try RetailFederation.domains.map { declaration in
                    switch declaration.name {
                    case RetailFederation.floor:
                        (
                            declaration,
                            try host(FloorDomain.self, declaration.name, agents("customer", 6, CustomerMind.decide))
                        )
                    case RetailFederation.inventory:
                        (
                            declaration,
                            try host(InventoryDomain.self, declaration.name, agents("manager", 1, ManagerMind.decide))
                        )
                    default: (declaration, try host(QueueDomain.self, declaration.name, []))
                    }
                }
                return try FederatedPlay(name: "retail", members: members)
            },
        ])
    }

    /// Seats of a role that minds of rules play.
    private static func agents(
        _ role: String, _ count: Int, _ mind: @escaping @Sendable (Scene, inout RandomStream) -> Decision?
    ) -> [LocalAgent] {
        (1...count).map { number in
            LocalAgent(Seat("\(role)-\(number)", mind: .coded, role: role)) { scene, random in
                mind(scene, &random).map { [.init($0.action, $0.arguments)] } ?? []
            }
        }
    }
}
