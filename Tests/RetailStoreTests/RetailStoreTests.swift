import MeshCore
import MeshSim
import Testing

@testable import RetailStore

@Suite struct RetailStoreTests {
    typealias Act = Shop<RetailStore>.Act

    private static func crowd(_ number: Int) -> [(seat: String, role: String)] {
        (0..<number).map { ("seat-\($0)", "customer") }
    }

    private static func shop(stock: Int64, tills: Int = 2, seed: UInt64 = 1) -> Shop<RetailStore> {
        Shop(
            RetailStore.Parameters(
                products: [.init("radio", in: "hall", price: 100, cost: 60, stock: stock)], checkoutPlaces: 60,
                tills: tills, leastBudget: 1_000, mostBudget: 1_000, patience: 50), seed: seed)
    }

    /// All of a shop's seats do the same.
    private static func all(_ shop: Shop<RetailStore>, _ action: String, _ arguments: JSON = [:]) -> [Act] {
        shop.model.bodies.map { Act(seat: $0.seat, action: action, arguments: arguments) }
    }

    @Test(arguments: [0, 1, 3, 49, 50] as [Int64])
    func noItemIsSoldTwice(_ stock: Int64) throws {
        var winners: Set<String> = []
        for seed in 0..<6 as Range<UInt64> {
            var shop = Self.shop(stock: stock, seed: seed)
            try shop.tick(joining: Self.crowd(50))
            try shop.tick(Self.all(shop, "move", ["zone": "hall"]))
            let taken = try shop.tick(Self.all(shop, "take", ["product": "radio"])).filter(\.accepted)
            #expect(taken.count == Int(stock))
            #expect(shop.model.world.totalStock == 0)
            #expect(shop.model.world.allInBaskets() == stock)
            winners.formUnion(taken.map(\.seat))
        }
        // It is drawn by lot: of one radio each time not always the same seat gets it.
        if stock == 1 { #expect(winners.count > 1) }
    }

    @Test(arguments: [0, 1, 2, 5])
    func asManyPayInATickAsThereAreTills(_ tills: Int) throws {
        var shop = Self.shop(stock: 10, tills: tills)
        try shop.tick(joining: Self.crowd(10))
        try shop.tick(Self.all(shop, "move", ["zone": "hall"]))
        try shop.tick(Self.all(shop, "take", ["product": "radio"]))
        try shop.tick(Self.all(shop, "move", ["zone": "checkout"]))
        for round in 1...2 {
            let paid = try shop.tick(Self.all(shop, "purchase")).filter(\.accepted)
            #expect(paid.count == tills)
            let sold = Int64(round * tills)
            #expect(shop.model.world.get(RetailStore.books, StoreField.sold) == sold)
            #expect(shop.model.world.get(RetailStore.books, StoreField.revenue) == sold * 100)
            #expect(shop.model.world.queue.count == 10 - Int(sold))
        }
        #expect(shop.faults.isEmpty)
    }

    @Test func whoAsksIsHelpedAndFeelsBetter() throws {
        var shop = Self.shop(stock: 1)
        try shop.tick(joining: [("ann", "customer"), ("rep", "representative")])
        try shop.tick([Act(seat: "ann", action: "move", arguments: ["zone": "hall"])])
        let (ann, rep) = (shop.body("ann"), shop.body("rep"))
        try shop.tick([Act(seat: "ann", action: "ask", arguments: ["representative": .string(rep.rawValue)])])
        let before = try #require(shop.model.world.get(ann, CustomerField.satisfaction))
        #expect(shop.model.world.get(ann, CustomerField.patience) == 49)
        try shop.tick([Act(seat: "rep", action: "help", arguments: ["customer": .string(ann.rawValue)])])
        #expect(shop.model.world.get(ann, CustomerField.satisfaction) ?? 0 > before)
        #expect(shop.model.world.get(ann, CustomerField.aisle) == "hall")
        #expect(shop.model.world.get(ann, CustomerField.asks) == nil)
        #expect(shop.model.world.get(rep, RepresentativeField.busy) == 2)
    }

    @Test func aCustomerIsHelpedByOneAndWhoGoesOnByNobody() throws {
        var shop = Self.shop(stock: 1)
        try shop.tick(joining: [("ann", "customer"), ("r1", "representative"), ("r2", "representative")])
        try shop.tick([Act(seat: "ann", action: "move", arguments: ["zone": "hall"])])
        let ask = Act(seat: "ann", action: "ask", arguments: ["representative": .string(shop.body("r1").rawValue)])
        let help = ["r1", "r2"].map {
            Act(seat: $0, action: "help", arguments: ["customer": .string(shop.body("ann").rawValue)])
        }
        try shop.tick([ask])
        #expect(try shop.tick(help).filter(\.accepted).count == 1)
        try shop.tick()
        try shop.tick()
        try shop.tick([ask])
        #expect(try shop.tick([Act(seat: "ann", action: "wait")]).map(\.accepted) == [true])
        try shop.tick([Act(seat: "ann", action: "move", arguments: ["zone": "entrance"])])
        #expect(try shop.tick(help).filter(\.accepted).isEmpty)
        #expect(shop.model.world.get(shop.body("ann"), CustomerField.asks) == nil)
    }

    @Test func whoWaitsTooLongGoesAndLeavesTheBasket() throws {
        var shop = Self.shop(stock: 1, tills: 0)
        try shop.tick(joining: [("ann", "customer")])
        let ann = shop.body("ann")
        for (action, arguments) in [
            ("move", ["zone": "hall"]), ("take", ["product": "radio"]), ("move", ["zone": "checkout"]),
        ] as [(String, JSON)] {
            #expect(try shop.tick([Act(seat: "ann", action: action, arguments: arguments)]).map(\.accepted) == [true])
        }
        #expect(shop.model.world.totalStock == 0)
        for _ in 0..<48 {
            try shop.tick()
            #expect(shop.model.world.contains(ann))
        }
        #expect(shop.model.world.get(ann, CustomerField.satisfaction) == 0)
        try shop.tick()
        #expect(!shop.model.world.contains(ann))
        #expect(shop.model.world.totalStock == 1)
        #expect(shop.model.world.get(RetailStore.books, StoreField.lost) == 1)
        #expect(shop.model.world.events.map(\.name) == ["lost"])
    }

    @Test func aSeatThatIsGivenUpLeavesTheBasket() throws {
        var shop = Self.shop(stock: 2)
        try shop.tick(joining: [("ann", "customer")])
        try shop.tick([Act(seat: "ann", action: "move", arguments: ["zone": "hall"])])
        try shop.tick([Act(seat: "ann", action: "take", arguments: ["product": "radio"])])
        #expect(shop.model.world.totalStock == 1)
        try shop.tick(leaving: ["ann"])
        #expect(shop.model.world.totalStock == 2)
        #expect(shop.model.world.count(of: Kind.customer) == 0)
    }

    @Test func aPersonCommandsPricesAndTheManagerIsHeardByAll() throws {
        var shop = Self.shop(stock: 1)
        try shop.tick(joining: [("ann", "customer"), ("boss", "manager"), ("rep", "representative")])
        let outcomes = try shop.tick([
            Act(seat: "person", action: "set_price", arguments: ["product": "radio", "price": 70]),
            Act(seat: "boss", action: "announce", arguments: ["text": "radios for 70"]),
        ])
        #expect(outcomes.map(\.accepted) == [true, true], "\(outcomes)")
        #expect(shop.model.world.get("radio", ProductField.price) == 70)
        for body in shop.model.bodies {
            let visibility = RetailStore.visibility(role: body.role, shop.model.parameters)
            let scene = Scene(of: shop.model.world, viewer: body.entity, visibility: visibility, tick: 2)
            #expect(scene.events.map { $0["name"] } == ["announced"], "\(body.seat)")
        }
    }

    @Test func theBasketKeepsThePriceAtWhichItWasTaken() throws {
        var shop = Self.shop(stock: 2)
        try shop.tick(joining: [("ann", "customer"), ("boss", "manager")])
        try shop.tick([Act(seat: "ann", action: "move", arguments: ["zone": "hall"])])
        try shop.tick([Act(seat: "ann", action: "take", arguments: ["product": "radio"])])
        try shop.tick([Act(seat: "boss", action: "set_price", arguments: ["product": "radio", "price": 900])])
        #expect(shop.model.world.get(shop.body("ann"), CustomerField.due) == 100)
        let outcome = try shop.tick([Act(seat: "ann", action: "take", arguments: ["product": "radio"])])
        #expect(outcome.map(\.accepted) == [true])
        #expect(shop.model.world.get(shop.body("ann"), CustomerField.due) == 1_000)
    }

    @Test func everyActionHasASchemaWithHelp() throws {
        let catalog = try RetailStore.catalog()
        #expect(
            catalog.actions.map(\.name) == [
                "announce", "ask", "help", "leave", "move", "purchase", "restock", "set_price", "take", "wait",
            ])
        for action in catalog.actions {
            #expect(action.help.count > 40)
            #expect(action.arguments.allSatisfy { !$0.help.isEmpty })
        }
    }

    @Test(arguments: [RetailStore.Parameters.small, .busy])
    func theWorldLivesWithoutSeats(_ parameters: RetailStore.Parameters) throws {
        var shop = Shop<RetailStore>(parameters, seed: 4)
        for _ in 0..<150 {
            try shop.tick()
            let world = shop.model.world
            let books = (sold: StoreField.sold, restocked: StoreField.restocked)
            let begun = parameters.products.reduce(0) { $0 + $1.stock }
            let (sold, restocked) = (world.sum(of: Kind.store, books.sold), world.sum(of: Kind.store, books.restocked))
            #expect(world.totalStock + world.allInBaskets() + sold == begun + restocked)
        }
        #expect(shop.faults.isEmpty)
        let metrics = Dictionary(uniqueKeysWithValues: shop.model.metrics.map { ($0.name, $0.value) })
        if parameters.walkIns > 0 {
            #expect(metrics["sold"] ?? 0 > 100)
            #expect(metrics["lost"] ?? 0 > 0)
            #expect(metrics["customers"] ?? 0 > 5)
        } else {
            #expect(metrics["visitors"] == 0)
        }
    }
}
