public import MeshCore
public import MeshSim

/// The shelves: what there is and what it costs. It grants what the floor asks for, takes back what comes back, and is
/// filled by those who work here.
///
/// Exports: `stock` and `prices` by product; `grants` (by request: `{"granted": true, "price": 120}`) and `accepted` (by
/// return). Reads of the floor: `requests` (by name: `{"product": "milk"}`) and `returns` (`{"product": "milk", "count": 2}`).
public enum InventoryDomain: Scenario {
    public typealias Parameters = RetailStore.Parameters
    public static let name = "retail-inventory"
    public static let rulesVersion = 1
    public static let order = ActionOrder.shuffled
    public static let actions = [restock, setPrice, Action.wait]

    static let worker = "worker"

    public static func schema(_ parameters: Parameters) throws -> WorldSchema {
        try parameters.check()
        return try WorldSchema(types: [
            EntityType(Kind.product, limit: 256) {
                ProductField.price
                ProductField.stock
                ProductField.cost
            },
            EntityType(Kind.store, limit: 1) {
                StoreField.spent
                StoreField.restocked
            },
            EntityType(worker, limit: 100), Answers.entityType,
        ])
    }

    public static func begin(_ turn: inout Turn<Self>) throws {
        try turn.world.spawn(Kind.store, id: RetailStore.books)
        for offer in turn.parameters.products {
            try turn.world.spawn(
                Kind.product, id: EntityID(offer.name),
                ["price": .integer(offer.price), "stock": .integer(offer.stock), "cost": .integer(offer.cost)])
        }
    }

    public static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        try turn.world.spawn(worker)
    }

    public static func step(_ turn: inout Turn<Self>) throws {
        try turn.world.checkStore()
        let floor = RetailFederation.floor
        try Answers.settle(turn.imported(floor, "returns"), kind: "return", &turn) { question, turn in
            guard let product = question["product"]?.stringValue, let count = question["count"]?.integerValue,
                (1...RetailStore.basketSize).contains(count),
                let stock = turn.world.get(EntityID(product), ProductField.stock),
                stock + count <= RetailStore.mostItems
            else { return false }
            try turn.world.add(EntityID(product), ProductField.stock, count)
            return true
        }
        // Of those who ask in the same tick a random one is first: the last item is nobody's by name.
        var random = turn.random("grants")
        try Answers.settle(
            turn.imported(floor, "requests"), kind: "request", &turn, arrange: { random.shuffle(&$0) }
        ) { question, turn in
            let product = EntityID(question["product"]?.stringValue ?? "")
            guard let stock = turn.world.get(product, ProductField.stock), stock > 0 else { return ["granted": false] }
            try turn.world.add(product, ProductField.stock, -1)
            return ["granted": true, "price": .integer(turn.world.get(product, ProductField.price) ?? 0)]
        }
    }

    public static func visibility(role: String?, _ parameters: Parameters) -> Visibility {
        .custom("goods") { world, _, other in world.type(of: other) != Answers.type }
    }

    public static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] {
        [
            ("stock", Double(world.totalStock)),
            ("restocked", Double(world.get(RetailStore.books, StoreField.restocked) ?? 0)),
            ("answers", Double(world.count(of: Answers.type))),
        ]
    }

    public static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] {
        [
            ("stock", turn.world.exported(ProductField.stock)), ("prices", turn.world.exported(ProductField.price)),
            ("grants", Answers.exported("request", turn.world)), ("accepted", Answers.exported("return", turn.world)),
        ]
    }
}

extension InventoryDomain {
    private static let restock = Action<InventoryDomain>(
        ActionSchema(
            "restock", help: "Put more items of a product on the shelf.",
            arguments: [
                ActionArgument("product", .entity, help: "An entity of type product."),
                ActionArgument("count", .integer(minimum: 1, maximum: 100), help: "How many.", defaultValue: 10),
            ])
    ) { call, turn in
        guard let stock = turn.world.get(call.entity("product"), ProductField.stock) else {
            throw Refusal("\(call.entity("product")) is no product; name an entity of type product")
        }
        guard (1...100).contains(call.integer("count")), stock + call.integer("count") <= RetailStore.shelfSize else {
            throw Refusal("there are \(stock); restock 1 to 100, up to \(RetailStore.shelfSize)")
        }
    } apply: { call, turn in
        try turn.world.stock(call.entity("product"), call.integer("count"))
        return ["stock": .integer(turn.world.get(call.entity("product"), ProductField.stock) ?? 0)]
    }

    private static let setPrice = Action<InventoryDomain>(
        ActionSchema(
            "set_price", help: "Set what a product costs, in cents. What was granted already keeps its price.",
            arguments: [
                ActionArgument("product", .entity, help: "An entity of type product."),
                ActionArgument("price", .integer(minimum: 1, maximum: RetailStore.mostPrice), help: "In cents."),
            ])
    ) { call, turn in
        guard turn.world.type(of: call.entity("product")) == Kind.product else {
            throw Refusal("\(call.entity("product")) is no product; name an entity of type product")
        }
    } apply: { call, turn in
        try turn.world.set(call.entity("product"), ProductField.price, call.integer("price"))
        return ["price": .integer(call.integer("price"))]
    }
}
