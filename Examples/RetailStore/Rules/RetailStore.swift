public import MeshCore
public import MeshSim

/// A store: customers look for what they want, representatives help and fill shelves, a manager sets prices.
///
/// Money is in cents. An item is on a shelf, in a basket, or sold, and always one of these: a basket that is left behind
/// goes back to the shelves.
public enum RetailStore: Scenario {
    public static let name = "retail"
    public static let rulesVersion = 1
    /// No seat is favoured by its name.
    public static let order = ActionOrder.shuffled
    public static let actions = customerActions + staffActions + [.wait]

    /// The parts that a seat can play.
    public enum Role: String, Sendable, CaseIterable {
        case customer, representative, manager
    }

    public static func begin(_ turn: inout Turn<Self>) throws {
        try turn.world.spawn(Kind.store, id: books)
        try turn.world.put(books, in: "office")
        for offer in turn.parameters.products {
            let id = EntityID(offer.name)
            try turn.world.spawn(
                Kind.product, id: id,
                ["price": .integer(offer.price), "stock": .integer(offer.stock), "cost": .integer(offer.cost)])
            try turn.world.put(id, in: offer.aisle)
        }
        try turn.world.hangSigns()
    }

    public static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        let name = seat.role ?? Role.customer.rawValue
        guard let role = Role(rawValue: name) else {
            let valid = Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal("there is no role \(name) in a store; give one of \(valid)")
        }
        try turn.world.checkStore()
        var random = turn.random("enter", for: EntityID(seat.seat))
        switch role {
        case .customer: return try turn.world.admit(turn.parameters, &random)
        case .representative:
            let skill = 0.3 + 0.7 * random.unit()
            let id = try turn.world.spawn(Kind.representative, ["skill": .real(skill)])
            let aisles = turn.parameters.aisles
            try turn.world.put(id, in: aisles[random.below(aisles.count)])
            return id
        case .manager:
            let id = try turn.world.spawn(Kind.manager)
            try turn.world.put(id, in: "office")
            return id
        }
    }

    public static func leave(_ body: Body, _ turn: inout Turn<Self>) throws {
        if turn.world.type(of: body.entity) == Kind.customer { try turn.world.emptyBasket(of: body.entity) }
        if turn.world.contains(body.entity) { try turn.world.remove(body.entity) }
    }

    public static func available(to seat: Body, _ turn: borrowing Turn<Self>) -> [String] {
        guard let type = turn.world.type(of: seat.entity) else { return [] }
        return switch Role(rawValue: type) {
        case .customer: customerActions(for: seat.entity, in: turn.world)
        case .representative: ["move", "help", "restock", "wait"]
        case .manager: ["move", "restock", "set_price", "announce", "wait"]
        case nil: []
        }
    }

    public static func visibility(role: String?, _ parameters: Parameters) -> Visibility {
        switch role.map(Role.init(rawValue:)) ?? .customer {
        case .customer: .zone(depth: 0)
        case .representative: .zone(depth: 1)
        case .manager: .everything
        case nil: .zone(depth: -1)
        }
    }

    public static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] {
        func book(_ field: Attribute<Int64>) -> Double { Double(world.get(books, field) ?? 0) }
        let (customers, satisfaction) = (world.count(of: Kind.customer), world.satisfaction)
        return [
            ("customers", Double(customers)), ("satisfaction", satisfaction), ("revenue", book(StoreField.revenue)),
            ("sold", book(StoreField.sold)), ("stock", Double(world.totalStock)), ("queue", Double(world.queue.count)),
            ("visitors", book(StoreField.visitors)), ("lost", book(StoreField.lost)),
        ]
    }

    public static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] {
        [
            ("stock", turn.world.exported(ProductField.stock)), ("prices", turn.world.exported(ProductField.price)),
            ("queue", .integer(Int64(turn.world.queue.count))),
        ]
    }
}
