import MeshCore
import MeshSim
import Testing

@testable import RetailStore

/// The three domains together: each reads what the others had sealed a tick before.
private struct Trio {
    var floor: Shop<FloorDomain>
    var inventory: Shop<InventoryDomain>
    var queue: Shop<QueueDomain>
    /// How many of a product were restocked.
    private var restocked: [EntityID: Int64] = [:]

    init(_ parameters: RetailStore.Parameters, seed: UInt64) {
        floor = Shop(parameters, seed: seed)
        inventory = Shop(parameters, seed: seed)
        queue = Shop(parameters, seed: seed)
    }

    var faults: [String] { floor.faults + inventory.faults + queue.faults }

    /// A tick of all three. `isRead` says whether a reader gets what a domain has exported: (reader, domain).
    @discardableResult
    mutating func tick(
        _ acts: [Shop<FloorDomain>.Act] = [], joining: [(seat: String, role: String)] = [],
        restocking: [Shop<InventoryDomain>.Act] = [], isRead: (String, String) -> Bool = { _, _ in true }
    ) throws -> [ActionOutcome] {
        let exported = [
            floor.exported(as: RetailFederation.floor), inventory.exported(as: RetailFederation.inventory),
            queue.exported(as: RetailFederation.queue),
        ]
        func imports(_ reader: String) -> [SealedImport] {
            let inputs = RetailFederation.domains.first { $0.name == reader }?.inputs.map(\.domain) ?? []
            return exported.filter { inputs.contains($0.domain) && isRead(reader, $0.domain) }
        }
        let (one, two, three) = (
            imports(RetailFederation.floor), imports(RetailFederation.inventory), imports(RetailFederation.queue)
        )
        let outcomes = try floor.tick(acts, joining: joining, imports: one)
        for (act, outcome) in zip(restocking, try inventory.tick(restocking, imports: two)) where outcome.accepted {
            restocked[EntityID(act.arguments["product"]?.stringValue ?? ""), default: 0] += 6
        }
        try queue.tick(imports: three)
        return outcomes
    }

    /// An item is on a shelf, on its way to a basket, in it, on its way back, or sold; of each product.
    func checkItems() {
        let (floor, inventory) = (floor.model.world, inventory.model.world)
        let grants = Answers.exported("request", inventory)
        let accepted = Answers.exported("return", inventory)
        for offer in self.floor.model.parameters.products {
            let id = EntityID(offer.name)
            let coming = floor.entities(of: FloorDomain.request).count {
                floor.get($0, FloorDomain.product) == id && grants[$0.rawValue]?["granted"] == true
            }
            let back = floor.entities(of: FloorDomain.giveBack)
                .filter { floor.get($0, FloorDomain.product) == id && accepted[$0.rawValue] == nil }
                .reduce(0) { $0 + (floor.get($1, FloorDomain.count) ?? 0) }
            let stock = inventory.get(id, ProductField.stock) ?? -1
            #expect(stock >= 0)
            let sold = floor.get(id, FloorDomain.sold) ?? 0
            #expect(stock + Int64(coming) + floor.inBaskets(id) + back + sold == offer.stock + (restocked[id] ?? 0))
        }
    }

    /// What the tills have sold, the floor knows or will read.
    func checkMoney() {
        let (floor, queue) = (floor.model.world, queue.model.world)
        let unread = floor.entities(of: FloorDomain.payment)
            .filter { queue.get(EntityID("ticket:\($0)"), QueueDomain.state) == "paid" }
            .compactMap { floor.get($0, FloorDomain.customer) }
        let known = floor.sum(of: Kind.product, FloorDomain.sold)
        let sold = known + unread.reduce(0) { $0 + (floor.get($1, CustomerField.items) ?? 0) }
        #expect(queue.get(RetailStore.books, StoreField.sold) == sold)
    }
}

@Suite struct FederatedStoreTests {
    typealias Act = Shop<FloorDomain>.Act

    private static var parameters: RetailStore.Parameters {
        var parameters = RetailStore.Parameters.busy
        parameters.tills = 2
        return parameters
    }

    @Test(arguments: [(1, 0.0), (2, 0.0), (3, 0.2), (4, 0.6)] as [(UInt64, Double)])
    func noItemIsLostOrSoldTwiceAndNothingReadLateChangesThat(_ seed: UInt64, _ loss: Double) throws {
        var trio = Trio(Self.parameters, seed: seed)
        var luck = RandomStream(seed: seed, names: ["test", "loss"])
        for tick in 1...120 {
            let product = Self.parameters.products[luck.below(Self.parameters.products.count)].name
            let restocking: [Shop<InventoryDomain>.Act] =
                tick % 3 == 0
                ? [.init(seat: "person", action: "restock", arguments: ["product": .string(product), "count": 6])] : []
            var isMissing: [String: Bool] = [:]
            for pair in ["floor inventory", "floor queue", "inventory floor", "queue floor"] {
                isMissing[pair] = luck.chance(loss)
            }
            try trio.tick(restocking: restocking) { isMissing["\($0) \($1)"] != true }
            trio.checkItems()
            trio.checkMoney()
            trio.floor.model.world.forEach(of: Kind.customer) {
                #expect((0...1).contains($0.get(CustomerField.satisfaction) ?? -1))
            }
        }
        #expect(trio.faults.isEmpty)
        let metrics = Dictionary(uniqueKeysWithValues: trio.floor.model.metrics.map { ($0.name, $0.value) })
        #expect(metrics["lost"] ?? 0 > 0)
        #expect(trio.queue.model.world.sum(of: Kind.store, StoreField.sold) > 30)
        #expect(trio.queue.model.metrics.first { $0.name == "sold" }?.value ?? 0 > 30)
        // What is answered and read is forgotten: the books do not grow.
        #expect(trio.inventory.model.world.count(of: Answers.type) <= 300)
    }

    @Test func ofFiftyWhoWantTheLastOneItIsOnesTwoTicksLater() throws {
        let parameters = RetailStore.Parameters(
            products: [.init("radio", in: "hall", price: 100, cost: 60, stock: 1)], checkoutPlaces: 60,
            leastBudget: 1_000, mostBudget: 1_000, patience: 50)
        var winners: Set<EntityID> = []
        for seed in 0..<5 as Range<UInt64> {
            var trio = Trio(parameters, seed: seed)
            try trio.tick(joining: (0..<50).map { ("seat-\($0)", "customer") })
            let seats = trio.floor.model.bodies.map(\.seat)
            try trio.tick(seats.map { Act(seat: $0, action: "move", arguments: ["zone": "hall"]) })
            let asked = try trio.tick(seats.map { Act(seat: $0, action: "take", arguments: ["product": "radio"]) })
            #expect(asked.filter(\.accepted).count == 50)
            #expect(trio.inventory.model.world.totalStock == 1)
            try trio.tick()
            #expect(trio.inventory.model.world.totalStock == 0)
            #expect(trio.floor.model.world.allInBaskets() == 0)
            try trio.tick()
            #expect(trio.floor.model.world.allInBaskets() == 1)
            winners.formUnion(trio.floor.model.world.sources(of: "radio", in: RetailStore.basket))
            try trio.tick()
            #expect(trio.inventory.model.world.count(of: Answers.type) == 0)
            #expect(trio.faults.isEmpty)
        }
        #expect(winners.count > 1)
    }

    @Test(
        arguments: [
            ["requests": ["r": 7], "returns": ["r": ["product": "moon", "count": 3]], "payments": ["p": []]],
            ["requests": 1, "returns": [], "payments": "no"],
            [
                "requests": ["": ["product": "apple"]], "returns": ["x": ["product": "apple", "count": -3]],
                "payments": ["p": ["items": -1, "due": 5]],
            ],
            [:],
        ] as [JSON])
    func valuesThatMakeNoSenseChangeNothing(_ values: JSON) throws {
        var inventory = Shop<InventoryDomain>(Self.parameters)
        var queue = Shop<QueueDomain>(Self.parameters)
        let stock = inventory.model.world.totalStock
        let values = SealedImport(domain: RetailFederation.floor, tick: 0, values: values)
        try inventory.tick(imports: [values])
        try queue.tick(imports: [values])
        // An empty name is one; its request is fair.
        #expect(stock - inventory.model.world.totalStock <= (values.values["requests"]?[""] == nil ? 0 : 1))
        #expect(queue.model.world.sum(of: Kind.store, StoreField.sold) == 0)
        #expect(inventory.faults.isEmpty)
        #expect(queue.faults.isEmpty)
    }

    @Test func codedMindsShopOnTheFloorAndAreNeverRefused() throws {
        var trio = Trio(.small, seed: 7)
        let seats = (0..<8).map { "seat-\($0)" }
        try trio.tick(joining: seats.map { ($0, "customer") })
        for _ in 0..<80 {
            let model = trio.floor.model
            let acts = model.bodies.compactMap { body -> Act? in
                let scene = Scene(
                    of: model.world, viewer: body.entity,
                    visibility: FloorDomain.visibility(role: body.role, model.parameters), tick: model.tick,
                    actions: FloorDomain.available(to: body, model.turn))
                var random = RandomStream(seed: 7, names: ["mind", body.seat], tick: UInt64(model.tick))
                return CustomerMind.decide(scene, &random).map {
                    Act(seat: body.seat, action: $0.action, arguments: $0.arguments)
                }
            }
            for outcome in try trio.tick(acts) { #expect(outcome.accepted, "\(outcome)") }
            trio.checkItems()
            trio.checkMoney()
        }
        #expect(trio.floor.model.world.sum(of: Kind.product, FloorDomain.sold) >= 5)
        #expect(trio.faults.isEmpty)
    }

    @Test func theDeclarationsMakeAFederation() throws {
        for other in [try FloorDomain.catalog(), try InventoryDomain.catalog(), try QueueDomain.catalog()] {
            #expect(other.actions.allSatisfy { !$0.help.isEmpty })
        }
        #expect(throws: Never.self) { try GrantTable(RetailFederation.domains) }
    }
}
