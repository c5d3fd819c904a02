import MeshCore
import MeshSim

/// What the store and the floor of its federation have in common.
extension World {
    /// Hangs a sign in each zone that says where one move leads.
    mutating func hangSigns() throws {
        for zone in schema.zones.names {
            let exits = schema.zones.connections(of: zone).joined(separator: ",")
            try put(try spawn(Kind.sign, id: EntityID("sign-\(zone)"), ["exits": .text(exits)]), in: zone)
        }
    }

    /// A customer comes in, with a budget and a wish.
    mutating func admit(
        _ parameters: RetailStore.Parameters, _ random: inout RandomStream, isWalkIn: Bool = false
    ) throws -> EntityID {
        let span = Int(parameters.mostBudget - parameters.leastBudget) + 1
        let wish = parameters.products[random.below(parameters.products.count)].name
        let id = try spawn(
            Kind.customer,
            [
                "budget": .integer(parameters.leastBudget + Int64(random.below(span))),
                "wants": .reference(EntityID(wish)), "patience": .integer(parameters.patience),
                "isWalkIn": .flag(isWalkIn),
            ])
        try put(id, in: "entrance")
        try add(RetailStore.books, StoreField.visitors, 1)
        return id
    }

    /// As many walk-ins come as the parameter says on average, while there is room.
    mutating func welcomeWalkIns(_ parameters: RetailStore.Parameters, _ random: inout RandomStream) throws {
        let whole = parameters.walkIns.rounded(.down)
        let count = Int(whole) + (random.chance(parameters.walkIns - whole) ? 1 : 0)
        let room = parameters.maximumCustomers - self.count(of: Kind.customer)
        for _ in 0..<max(0, min(count, room)) { _ = try admit(parameters, &random, isWalkIn: true) }
    }

    /// A move on the shortest way to a zone, when there is room; gives the zone that was entered.
    mutating func walk(_ id: EntityID, towards zone: String) throws -> String? {
        guard let here = self.zone(of: id), here != zone,
            let next = schema.zones.path(from: here, to: zone)?.dropFirst().first,
            schema.zones.capacity(of: next).map({ occupantCount(of: next) < $0 }) ?? true
        else { return nil }
        try move(id, to: next)
        return next
    }

    /// Makes a customer feel better or worse, within 0 to 1.
    mutating func feel(_ customer: EntityID, _ change: Double) throws(WorldError) {
        let now = (get(customer, CustomerField.satisfaction) ?? 0) + change
        try set(customer, CustomerField.satisfaction, min(1, max(0, now)))
    }

    /// A tick of waiting: patience falls, and satisfaction with it. Whether it was the last one.
    mutating func wait(_ customer: EntityID) throws -> Bool {
        try feel(customer, -0.02)
        let patience = max(0, (get(customer, CustomerField.patience) ?? 0) - 1)
        try set(customer, CustomerField.patience, patience)
        return patience == 0
    }

    /// The mean satisfaction of those who are in the store; 0 when nobody is.
    var satisfaction: Double {
        var sum = 0.0
        forEach(of: Kind.customer) { sum += $0.get(CustomerField.satisfaction) ?? 0 }
        return sum / Double(max(1, count(of: Kind.customer)))
    }
}

/// What the store and the inventory of its federation have in common.
extension World {
    /// Puts new items on a shelf and writes down what they cost.
    mutating func stock(_ product: EntityID, _ count: Int64) throws {
        let cost = (get(product, ProductField.cost) ?? 0) * count
        try add(product, ProductField.stock, count)
        try add(RetailStore.books, StoreField.restocked, count)
        try add(RetailStore.books, StoreField.spent, cost)
    }

    /// How many items are on the shelves.
    var totalStock: Int64 {
        var sum: Int64 = 0
        forEach(of: Kind.product) { sum += $0.get(ProductField.stock) ?? 0 }
        return sum
    }

    /// A number of each product, as others may read it.
    func exported(_ field: Attribute<Int64>) -> JSON {
        var values = JSONObject()
        forEach(of: Kind.product) { values[$0.id.rawValue] = .integer($0.get(field) ?? 0) }
        return .object(values)
    }
}
