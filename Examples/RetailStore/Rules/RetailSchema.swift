public import MeshSim

/// The kinds of entities of a store, by name.
enum Kind {
    static let customer = "customer"
    static let representative = "representative"
    static let manager = "manager"
    static let product = "product"
    static let store = "store"
    static let sign = "sign"
}

/// What a customer has.
enum CustomerField {
    static let budget = Attribute<Int64>("budget", range: 0...RetailStore.mostMoney, audience: .owner)
    /// The product that the customer came for; none when it is bought.
    static let wants = Attribute<EntityID>("wants", audience: .owner)
    /// Where that product is, once somebody of the store has told.
    static let aisle = Attribute<String>("aisle", audience: .owner)
    static let patience = Attribute<Int64>("patience", range: 0...1_000_000)
    static let satisfaction = Attribute<Double>("satisfaction", initial: 0.6, range: 0...1)
    /// How many are in the basket.
    static let items = Attribute<Int64>("items", initial: 0, range: 0...RetailStore.basketSize)
    /// What the basket costs, at the prices at which its items were taken.
    static let due = Attribute<Int64>("due", initial: 0, range: 0...RetailStore.mostMoney)
    /// The representative that was asked and has not helped yet.
    static let asks = Attribute<EntityID>("asks")
    /// Whether coded rules move it.
    static let isWalkIn = Attribute<Bool>("isWalkIn", initial: false, audience: .nobody)
    /// The tick in which it came to the checkout with a basket.
    static let queuedAt = Attribute<Int64>("queuedAt", audience: .nobody)
}

/// What a representative has.
enum RepresentativeField {
    /// How much better a customer feels after help.
    static let skill = Attribute<Double>("skill", initial: 0.5, range: 0...1)
    /// For how many more ticks help takes all attention.
    static let busy = Attribute<Int64>("busy", initial: 0, range: 0...100)
}

/// What a product has. Its place is its zone.
enum ProductField {
    static let price = Attribute<Int64>("price", range: 1...RetailStore.mostPrice)
    static let stock = Attribute<Int64>("stock", range: 0...RetailStore.mostItems)
    static let cost = Attribute<Int64>("cost", range: 0...RetailStore.mostPrice, audience: .nobody)
}

/// The store's books. They lie in the office, so that customers do not see them.
enum StoreField {
    static let revenue = Attribute<Int64>("revenue", initial: 0)
    static let spent = Attribute<Int64>("spent", initial: 0)
    static let sold = Attribute<Int64>("sold", initial: 0)
    static let restocked = Attribute<Int64>("restocked", initial: 0)
    static let visitors = Attribute<Int64>("visitors", initial: 0)
    static let lost = Attribute<Int64>("lost", initial: 0)
}

/// What stands on a sign: one hangs in each zone.
enum SignField {
    /// The zones that one move leads to, with commas.
    static let exits = Attribute<String>("exits")
}

extension RetailStore {
    /// The zones that every store has, beside its aisles.
    static let commonZones = ["entrance", "checkout", "office"]
    /// The most that a customer or a basket may have, in cents.
    static let mostMoney: Int64 = 1_000_000_000_000
    /// The highest price, in cents.
    static let mostPrice: Int64 = 1_000_000_000
    /// Up to how many of a product are restocked.
    static let shelfSize: Int64 = 10_000
    /// The most of a product that there can be: what comes back out of baskets always has a place.
    static let mostItems: Int64 = 1_000_000_000
    /// How many items a basket holds.
    static let basketSize: Int64 = 100
    /// The network of what is in whose basket; a link's weight is the number of items.
    static let basket = "basket"
    /// The books.
    static let books: EntityID = "store"

    public static func schema(_ parameters: Parameters) throws -> WorldSchema {
        try parameters.check()
        return try WorldSchema(
            types: types(parameters), zones: try zones(parameters), networks: [NetworkShape(basket, isDirected: true)])
    }

    private static func types(_ parameters: Parameters) -> [EntityType] {
        [
            EntityType(Kind.customer, limit: parameters.maximumCustomers) {
                CustomerField.budget
                CustomerField.wants
                CustomerField.aisle
                CustomerField.patience
                CustomerField.satisfaction
                CustomerField.items
                CustomerField.due
                CustomerField.asks
                CustomerField.isWalkIn
                CustomerField.queuedAt
            },
            EntityType(Kind.representative, limit: 100) {
                RepresentativeField.skill
                RepresentativeField.busy
            },
            EntityType(Kind.manager, limit: 10),
            EntityType(Kind.product, limit: 256) {
                ProductField.price
                ProductField.stock
                ProductField.cost
            },
            EntityType(Kind.store, limit: 1) {
                StoreField.revenue
                StoreField.spent
                StoreField.sold
                StoreField.restocked
                StoreField.visitors
                StoreField.lost
            },
            EntityType(Kind.sign, limit: 100) { SignField.exits },
        ]
    }

    /// Every aisle is one move from the entrance, from the checkout and from the next aisle; the office lies behind the
    /// entrance.
    static func zones(_ parameters: Parameters) throws(WorldError) -> ZoneGraph {
        let aisles = parameters.aisles
        var zones = [
            Zone("entrance", connections: aisles + ["checkout", "office"]),
            // One more, for its sign hangs there too.
            Zone("checkout", capacity: parameters.checkoutPlaces + 1, connections: aisles),
            Zone("office"),
        ]
        for (place, aisle) in aisles.enumerated() {
            zones.append(Zone(aisle, connections: place > 0 ? [aisles[place - 1]] : []))
        }
        return try ZoneGraph(zones)
    }
}
