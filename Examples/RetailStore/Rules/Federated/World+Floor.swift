import MeshSim

extension World {
    /// What a customer has asked the inventory for and not got yet.
    func request(of customer: EntityID) -> EntityID? {
        entities(of: FloorDomain.request, where: FloorDomain.customer, is: customer).first
    }

    /// A customer's payment that the queue has not answered yet.
    func payment(of customer: EntityID) -> EntityID? {
        entities(of: FloorDomain.payment, where: FloorDomain.customer, is: customer).first
    }

    /// A customer asks for an item; what comes of it is known two ticks later. Fails with why not.
    mutating func wish(_ product: EntityID, by customer: EntityID) throws {
        try canWish(product, by: customer)
        try spawn(
            FloorDomain.request, ["customer": .reference(customer), "product": .reference(product)])
    }

    /// Fails with why a customer cannot ask for an item.
    func canWish(_ product: EntityID, by customer: EntityID) throws(Refusal) {
        guard type(of: product) == Kind.product, zone(of: product) == zone(of: customer) else {
            throw Refusal("\(product) is no product in your zone; take one that you see")
        }
        guard request(of: customer) == nil else { throw Refusal("you are reaching for something; wait for it") }
        guard payment(of: customer) == nil else { throw Refusal("you are paying; what you take now is too late") }
        guard get(customer, CustomerField.items) ?? 0 < RetailStore.basketSize else {
            throw Refusal("the basket is full: \(RetailStore.basketSize) items fit in; go and pay")
        }
    }

    /// A customer joins the queue; it stays in it until it is answered. Fails with why not.
    mutating func queueUp(_ customer: EntityID) throws {
        try canQueueUp(customer)
        try spawn(FloorDomain.payment, ["customer": .reference(customer)])
    }

    /// Fails with why a customer cannot pay now.
    func canQueueUp(_ customer: EntityID) throws(Refusal) {
        guard zone(of: customer) == "checkout" else { throw Refusal("you pay at the checkout; move there first") }
        guard get(customer, CustomerField.items) ?? 0 > 0 else { throw Refusal("your basket is empty; take something") }
        guard payment(of: customer) == nil else { throw Refusal("you are in the queue already; wait") }
        guard request(of: customer) == nil else { throw Refusal("you are reaching for something; wait for it") }
    }

    /// A customer goes. Who is in the queue withdraws first, and goes when the queue has answered; a basket that is not
    /// paid for goes back.
    mutating func depart(_ customer: EntityID) throws {
        guard type(of: customer) == Kind.customer else { return }
        if let payment = payment(of: customer) { return try set(payment, FloorDomain.withdrawn, true) }
        for product in neighbours(of: customer, in: RetailStore.basket) {
            try giveBack(product, basket(of: customer, product))
        }
        try remove(customer)
    }

    /// Sends items back to the inventory.
    mutating func giveBack(_ product: EntityID, _ count: Int64) throws {
        try spawn(FloorDomain.giveBack, ["product": .reference(product), "count": .integer(count)])
    }
}
