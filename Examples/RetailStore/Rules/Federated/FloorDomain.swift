public import MeshCore
public import MeshSim

/// The floor: customers and where they are. What is on the shelves is the inventory's, who pays when is the queue's.
///
/// Exports: `customers`; `requests`, `returns` and `payments` (see `InventoryDomain` and `QueueDomain`) as long as they are
/// not answered. Reads of the inventory: `stock`, `prices`, `grants` and `accepted`; of the queue: `receipts`.
public enum FloorDomain: Scenario {
    public typealias Parameters = RetailStore.Parameters
    public static let name = "retail-floor"
    public static let rulesVersion = 1
    public static let order = ActionOrder.shuffled
    public static let actions = [move, take, pay, leave, Action.wait]

    static let request = "request"
    static let giveBack = "return"
    static let payment = "payment"
    static let customer = Attribute<EntityID>("customer", indexed: true)
    static let product = Attribute<EntityID>("product")
    static let count = Attribute<Int64>("count", range: 1...RetailStore.basketSize)
    static let withdrawn = Attribute<Bool>("withdrawn", initial: false)
    /// How many of a product customers have paid for.
    static let sold = Attribute<Int64>("sold", initial: 0, audience: .nobody)

    public static func schema(_ parameters: Parameters) throws -> WorldSchema {
        try parameters.check()
        let (most, requests) = (parameters.maximumCustomers, parameters.maximumCustomers)
        return try WorldSchema(
            types: [
                EntityType(Kind.customer, limit: most) {
                    CustomerField.budget
                    CustomerField.wants
                    CustomerField.patience
                    CustomerField.satisfaction
                    CustomerField.items
                    CustomerField.due
                    CustomerField.isWalkIn
                },
                // The shelves as the floor knows them: as they were a tick ago.
                EntityType(Kind.product, limit: 256) {
                    ProductField.price
                    ProductField.stock
                    sold
                },
                EntityType(Kind.sign, limit: 100) { SignField.exits },
                EntityType(request, limit: requests) {
                    customer
                    product
                },
                EntityType(giveBack) {
                    product
                    count
                },
                EntityType(payment, limit: most) {
                    customer
                    withdrawn
                },
                EntityType(Kind.store, limit: 1) {
                    StoreField.visitors
                    StoreField.lost
                },
            ], zones: try RetailStore.zones(parameters), networks: [NetworkShape(RetailStore.basket, isDirected: true)])
    }

    public static func begin(_ turn: inout Turn<Self>) throws {
        try turn.world.spawn(Kind.store, id: RetailStore.books)
        try turn.world.put(RetailStore.books, in: "office")
        for offer in turn.parameters.products {
            let id = EntityID(offer.name)
            try turn.world.spawn(
                Kind.product, id: id, ["price": .integer(offer.price), "stock": .integer(offer.stock)])
            try turn.world.put(id, in: offer.aisle)
        }
        try turn.world.hangSigns()
    }

    public static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        guard seat.role == nil || seat.role == Kind.customer else {
            throw Refusal("there is no role \(seat.role ?? "") on the floor; give customer")
        }
        try turn.world.checkStore()
        var random = turn.random("enter", for: EntityID(seat.seat))
        return try turn.world.admit(turn.parameters, &random)
    }

    public static func available(to seat: Body, _ turn: borrowing Turn<Self>) -> [String] {
        let (world, own) = (turn.world, seat.entity)
        guard world.type(of: own) == Kind.customer else { return [] }
        // Who is in the queue, or reaches for something, waits for an answer.
        if world.payment(of: own) != nil { return ["leave", "wait"] }
        if world.request(of: own) != nil { return ["move", "leave", "wait"] }
        return ["move", "take"] + ((try? world.canQueueUp(own)) == nil ? [] : ["purchase"]) + ["leave", "wait"]
    }

    public static func leave(_ body: Body, _ turn: inout Turn<Self>) throws { try turn.world.depart(body.entity) }

    public static func visibility(role: String?, _ parameters: Parameters) -> Visibility { .zone(depth: 0) }

    public static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] {
        func book(_ field: Attribute<Int64>) -> Double { Double(world.get(RetailStore.books, field) ?? 0) }
        return [
            ("customers", Double(world.count(of: Kind.customer))), ("satisfaction", world.satisfaction),
            ("visitors", book(StoreField.visitors)), ("lost", book(StoreField.lost)),
            ("requests", Double(world.count(of: request))), ("payments", Double(world.count(of: payment))),
        ]
    }

    public static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] {
        let world = turn.world
        var (requests, returns, payments) = (JSONObject(), JSONObject(), JSONObject())
        for id in exported(request, world) { requests[id.rawValue] = ["product": name(id, world)] }
        for id in exported(giveBack, world) {
            returns[id.rawValue] = ["product": name(id, world), "count": .integer(world.get(id, count) ?? 0)]
        }
        for id in exported(payment, world) {
            guard let customer = world.get(id, customer) else { continue }
            var fields: JSONObject = [
                "items": .integer(world.get(customer, CustomerField.items) ?? 0),
                "due": .integer(world.get(customer, CustomerField.due) ?? 0),
            ]
            if world.get(id, withdrawn) == true { fields["withdrawn"] = true }
            payments[id.rawValue] = .object(fields)
        }
        return [
            ("customers", .integer(Int64(world.count(of: Kind.customer)))), ("requests", .object(requests)),
            ("returns", .object(returns)), ("payments", .object(payments)),
        ]
    }

    /// The oldest of a type, no more than fit into a value of a federation. Whatever was exported once stays so until it is
    /// answered, for only older ones can go before it does.
    private static func exported(_ type: String, _ world: World) -> ArraySlice<EntityID> {
        world.entities(of: type).prefix(700)
    }

    private static func name(_ id: EntityID, _ world: World) -> JSON { .string(world.get(id, product)?.rawValue ?? "") }
}
