import MeshCore
public import MeshSim

extension FloorDomain {
    public static func step(_ turn: inout Turn<Self>) throws {
        try turn.world.checkStore()
        try readShelves(&turn)
        try readGrants(&turn)
        try readAccepted(&turn)
        try readReceipts(&turn)
        var random = turn.random("walk-ins")
        try turn.world.welcomeWalkIns(turn.parameters, &random)
        for id in turn.world.entities(of: Kind.customer, where: CustomerField.isWalkIn, is: true) {
            try moveWalkIn(id, &turn)
        }
        for id in turn.world.entities(of: Kind.customer) where isWaiting(id, in: turn.world) { try wait(id, &turn) }
    }

    // MARK: Answers

    /// What does not make sense is not taken: the floor then knows what it knew before.
    private static func readShelves(_ turn: inout Turn<Self>) throws {
        for (key, field) in [("prices", ProductField.price), ("stock", ProductField.stock)] {
            guard let values = turn.imported(RetailFederation.inventory, key) else { continue }
            for id in turn.world.entities(of: Kind.product) {
                guard let value = values[id.rawValue]?.integerValue else { continue }
                try? turn.world.set(id, field, value)
            }
        }
    }

    /// What was granted comes into the basket; when that cannot be, it goes back.
    private static func readGrants(_ turn: inout Turn<Self>) throws {
        guard let grants = turn.imported(RetailFederation.inventory, "grants") else { return }
        for id in turn.world.entities(of: request) {
            guard let answer = grants[id.rawValue], let wish = turn.world.get(id, product) else { continue }
            let customer = turn.world.get(id, customer) ?? ""
            try turn.world.remove(id)
            guard answer["granted"] == true else {
                if turn.world.contains(customer) { try turn.world.feel(customer, -0.05) }
                continue
            }
            let price = answer["price"]?.integerValue ?? 0
            let due = turn.world.get(customer, CustomerField.due) ?? 0
            guard let budget = turn.world.get(customer, CustomerField.budget),
                (1...RetailStore.mostPrice).contains(price), due + price <= budget
            else {
                try turn.world.giveBack(wish, 1)
                if turn.world.contains(customer) { try turn.world.feel(customer, -0.05) }
                continue
            }
            let held = turn.world.basket(of: customer, wish)
            try turn.world.link(customer, wish, in: RetailStore.basket, weight: Double(held + 1))
            try turn.world.add(customer, CustomerField.items, 1)
            try turn.world.set(customer, CustomerField.due, due + price)
        }
    }

    private static func readAccepted(_ turn: inout Turn<Self>) throws {
        guard let accepted = turn.imported(RetailFederation.inventory, "accepted") else { return }
        for id in turn.world.entities(of: giveBack) where accepted[id.rawValue] != nil { try turn.world.remove(id) }
    }

    private static func readReceipts(_ turn: inout Turn<Self>) throws {
        guard let receipts = turn.imported(RetailFederation.queue, "receipts") else { return }
        for id in turn.world.entities(of: payment) {
            guard let isPaid = receipts[id.rawValue]?.boolValue, let customer = turn.world.get(id, customer) else {
                continue
            }
            let isLeaving = turn.world.get(id, withdrawn) == true
            try turn.world.remove(id)
            if isPaid { try settle(customer, &turn) }
            if isLeaving { try lose(customer, wasServed: isPaid, &turn) }
        }
    }

    /// What is in the basket is the customer's now.
    private static func settle(_ customer: EntityID, _ turn: inout Turn<Self>) throws {
        let wish = turn.world.get(customer, CustomerField.wants)
        for product in turn.world.neighbours(of: customer, in: RetailStore.basket) {
            try turn.world.add(product, sold, turn.world.basket(of: customer, product))
            try turn.world.unlink(customer, product, in: RetailStore.basket)
            if product == wish { try turn.world.clear(customer, CustomerField.wants.name) }
        }
        try turn.world.add(customer, CustomerField.budget, -(turn.world.get(customer, CustomerField.due) ?? 0))
        try turn.world.set(customer, CustomerField.items, 0)
        try turn.world.set(customer, CustomerField.due, 0)
        try turn.world.feel(customer, 0.3)
    }

    private static func lose(_ customer: EntityID, wasServed: Bool, _ turn: inout Turn<Self>) throws {
        try turn.world.depart(customer)
        if !wasServed { try turn.world.add(RetailStore.books, StoreField.lost, 1) }
    }

    // MARK: Walk-ins

    private static func moveWalkIn(_ id: EntityID, _ turn: inout Turn<Self>) throws {
        guard let here = turn.world.zone(of: id), turn.world.request(of: id) == nil else { return }
        if turn.world.get(id, CustomerField.items) ?? 0 > 0 {
            guard here == "checkout" else {
                _ = try turn.world.walk(id, towards: "checkout")
                return
            }
            if turn.world.payment(of: id) == nil { try turn.world.queueUp(id) }
        } else if let wish = turn.world.get(id, CustomerField.wants), let aisle = turn.world.zone(of: wish) {
            guard here == aisle else {
                _ = try turn.world.walk(id, towards: aisle)
                return
            }
            // With as many requests open as there may be, it waits.
            if turn.world.count(of: request) < turn.parameters.maximumCustomers { try turn.world.wish(wish, by: id) }
        } else {
            try turn.world.depart(id)
        }
    }

    // MARK: Waiting

    private static func isWaiting(_ id: EntityID, in world: World) -> Bool {
        world.request(of: id) != nil || world.payment(of: id).map { world.get($0, withdrawn) != true } ?? false
    }

    /// Who has no patience left goes.
    private static func wait(_ id: EntityID, _ turn: inout Turn<Self>) throws {
        guard try turn.world.wait(id) else { return }
        let isInQueue = turn.world.payment(of: id) != nil
        try turn.world.depart(id)
        // Who is in the queue is lost only if it does not serve before it hears of the withdrawal.
        if !isInQueue { try turn.world.add(RetailStore.books, StoreField.lost, 1) }
    }
}
