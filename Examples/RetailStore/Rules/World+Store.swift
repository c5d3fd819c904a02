import MeshCore
import MeshSim

extension World {
    /// Fails when the world could not be made: its parameters make no sense, and must not be counted with.
    func checkStore() throws(Refusal) {
        guard contains(RetailStore.books) else { throw Refusal("there is no store: its parameters make no sense") }
    }

    /// How many items of a product are in a basket.
    func basket(of customer: EntityID, _ product: EntityID) -> Int64 {
        Int64(weight(customer, product, in: RetailStore.basket) ?? 0)
    }

    /// How many items of a product are in baskets.
    func inBaskets(_ product: EntityID) -> Int64 {
        sources(of: product, in: RetailStore.basket).reduce(0) { $0 + basket(of: $1, product) }
    }

    /// Moves an item from the shelf into a basket, at today's price. Fails when there is none, or it does not fit.
    mutating func take(_ product: EntityID, by customer: EntityID) throws {
        try canTake(product, by: customer)
        let (count, price) = (basket(of: customer, product), get(product, ProductField.price) ?? 0)
        try add(product, ProductField.stock, -1)
        try add(customer, CustomerField.items, 1)
        try add(customer, CustomerField.due, price)
        try link(customer, product, in: RetailStore.basket, weight: Double(count + 1))
    }

    /// Fails with why a customer cannot take an item of a product.
    func canTake(_ product: EntityID, by customer: EntityID) throws(Refusal) {
        guard let stock = get(product, ProductField.stock), let price = get(product, ProductField.price) else {
            throw Refusal("\(product) is no product; take one of type product that you see")
        }
        guard let here = zone(of: customer), zone(of: product) == here else {
            throw Refusal("\(product) is not in \(zone(of: customer) ?? "your zone"); go to its aisle first")
        }
        guard stock > 0 else { throw Refusal("\(product) is sold out; wait until it is restocked") }
        guard get(customer, CustomerField.items) ?? 0 < RetailStore.basketSize else {
            throw Refusal("the basket is full: \(RetailStore.basketSize) items fit in; go and purchase")
        }
        let (due, budget) = (get(customer, CustomerField.due) ?? 0, get(customer, CustomerField.budget) ?? 0)
        guard due + price <= budget else {
            throw Refusal("\(product) costs \(price); \(budget - due) of your budget are left")
        }
    }

    /// Puts what is in a basket back on the shelves.
    mutating func emptyBasket(of customer: EntityID) throws {
        for product in neighbours(of: customer, in: RetailStore.basket) {
            try add(product, ProductField.stock, basket(of: customer, product))
            try unlink(customer, product, in: RetailStore.basket)
        }
        try set(customer, CustomerField.items, 0)
        try set(customer, CustomerField.due, 0)
    }

    /// A customer pays for the basket and is content with what was wanted. Gives how many items were sold.
    mutating func pay(_ customer: EntityID) throws -> Int64 {
        let (items, due) = (get(customer, CustomerField.items) ?? 0, get(customer, CustomerField.due) ?? 0)
        try add(RetailStore.books, StoreField.revenue, due)
        try add(RetailStore.books, StoreField.sold, items)
        try add(customer, CustomerField.budget, -due)
        let wish = get(customer, CustomerField.wants)
        for product in neighbours(of: customer, in: RetailStore.basket) {
            try unlink(customer, product, in: RetailStore.basket)
            if product == wish {
                try clear(customer, CustomerField.wants.name)
                try feel(customer, 0.2)
            }
        }
        try set(customer, CustomerField.items, 0)
        try set(customer, CustomerField.due, 0)
        try clear(customer, CustomerField.queuedAt.name)
        try feel(customer, 0.1)
        try emit(WorldEvent("sold", subject: customer, zone: "checkout", data: ["items": .integer(items)]))
        return items
    }

    /// Those at the checkout who have something to pay, by bytes.
    var queue: [EntityID] {
        occupants(of: "checkout").filter { get($0, CustomerField.items) ?? 0 > 0 }
    }
}
