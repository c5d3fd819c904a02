import MeshSim

extension RetailStore {
    /// What a store is made from. Money is in cents, time in ticks.
    public struct Parameters: Codable, Sendable, Hashable {
        /// What the store sells. The zones named here are its aisles.
        public var products: [Offer]
        /// How many customers may be in the store, walk-ins among them.
        public var maximumCustomers: Int
        /// How many may stand at the checkout, staff among them.
        public var checkoutPlaces: Int
        /// How many may pay in a tick.
        public var tills: Int
        /// How many customers of coded rules come in a tick, on average; 0: none.
        public var walkIns: Double
        /// The least that a customer can spend.
        public var leastBudget: Int64
        /// The most that a customer can spend.
        public var mostBudget: Int64
        /// How many ticks a customer waits in all before leaving.
        public var patience: Int64
        /// Every so many ticks the shelves are filled up to what they began with; 0: never.
        public var deliveryEvery: Int64

        /// Makes parameters.
        public init(
            products: [Offer], maximumCustomers: Int = 500, checkoutPlaces: Int = 20, tills: Int = 2,
            walkIns: Double = 0, leastBudget: Int64 = 500, mostBudget: Int64 = 20_000, patience: Int64 = 12,
            deliveryEvery: Int64 = 0
        ) {
            self.products = products
            self.maximumCustomers = maximumCustomers
            self.checkoutPlaces = checkoutPlaces
            self.tills = tills
            self.walkIns = walkIns
            self.leastBudget = leastBudget
            self.mostBudget = mostBudget
            self.patience = patience
            self.deliveryEvery = deliveryEvery
        }

        /// The aisles, in the order of their first product.
        public var aisles: [String] {
            products.reduce(into: []) { aisles, offer in
                if !aisles.contains(offer.aisle) { aisles.append(offer.aisle) }
            }
        }
    }

    /// A product as the store begins with it.
    public struct Offer: Codable, Sendable, Hashable {
        /// Its name, which is its entity's too.
        public var name: String
        /// The zone in which it is.
        public var aisle: String
        /// What it costs.
        public var price: Int64
        /// What the store pays for it. No seat sees it.
        public var cost: Int64
        /// How many are on the shelf.
        public var stock: Int64

        /// Makes an offer.
        public init(_ name: String, in aisle: String, price: Int64, cost: Int64, stock: Int64) {
            self.name = name
            self.aisle = aisle
            self.price = price
            self.cost = cost
            self.stock = stock
        }
    }
}

extension RetailStore.Parameters {
    /// A corner shop: few products, one till, no walk-ins.
    public static let small = Self(
        products: RetailStore.Offer.few, maximumCustomers: 60, checkoutPlaces: 8, tills: 1, deliveryEvery: 60)

    /// A store on a Saturday: many walk-ins, and not enough tills for all of them.
    public static let busy = Self(
        products: RetailStore.Offer.few + RetailStore.Offer.more, maximumCustomers: 300, checkoutPlaces: 25, tills: 3,
        walkIns: 3.5, deliveryEvery: 40)

    /// Fails with what makes no sense. What the world's schema checks, it says itself.
    func check() throws(Refusal) {
        guard (1...256).contains(products.count), aisles.count <= 64 else {
            throw Refusal("\(products.count) products in \(aisles.count) aisles; give 1 to 256 in at most 64")
        }
        for offer in products {
            guard !RetailStore.commonZones.contains(offer.aisle) else {
                throw Refusal("\(offer.name) cannot be in \(offer.aisle): that is no aisle; choose another name")
            }
            guard (0...RetailStore.shelfSize).contains(offer.stock) else {
                throw Refusal("\(offer.stock) of \(offer.name); give 0 to \(RetailStore.shelfSize)")
            }
        }
        guard (1...10_000).contains(maximumCustomers), (1...10_000).contains(checkoutPlaces),
            (0...10_000).contains(tills)
        else { throw Refusal("customers and places at the checkout are 1 to 10000, tills 0 to 10000") }
        guard walkIns >= 0, walkIns <= 1_000 else { throw Refusal("walkIns is \(walkIns); give 0 to 1000") }
        guard (0...RetailStore.mostMoney).contains(leastBudget), leastBudget <= mostBudget,
            mostBudget <= RetailStore.mostMoney
        else { throw Refusal("budgets go from the least to the most, 0 to \(RetailStore.mostMoney)") }
        guard (1...1_000_000).contains(patience), (0...1_000_000).contains(deliveryEvery) else {
            throw Refusal("patience is 1 to 1000000 ticks, deliveryEvery 0 to 1000000")
        }
    }
}

extension RetailStore.Offer {
    static let few = [
        Self("apple", in: "produce", price: 60, cost: 30, stock: 40),
        Self("lettuce", in: "produce", price: 140, cost: 80, stock: 20),
        Self("milk", in: "dairy", price: 120, cost: 85, stock: 30),
        Self("cheese", in: "dairy", price: 480, cost: 300, stock: 12),
        Self("batteries", in: "electronics", price: 650, cost: 350, stock: 15),
        Self("radio", in: "electronics", price: 4_900, cost: 3_200, stock: 3),
    ]
    static let more = [
        Self("tomato", in: "produce", price: 80, cost: 40, stock: 60),
        Self("yoghurt", in: "dairy", price: 90, cost: 55, stock: 50),
        Self("headphones", in: "electronics", price: 8_900, cost: 5_500, stock: 6),
        Self("bread", in: "bakery", price: 310, cost: 150, stock: 35),
        Self("cake", in: "bakery", price: 1_650, cost: 900, stock: 5),
    ]
}
