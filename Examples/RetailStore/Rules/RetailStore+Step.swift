import MeshCore
public import MeshSim

extension RetailStore {
    public static func step(_ turn: inout Turn<Self>) throws {
        try turn.world.checkStore()
        for id in turn.world.entities(of: Kind.representative) {
            let busy = turn.world.get(id, RepresentativeField.busy) ?? 0
            if busy > 0 { try turn.world.set(id, RepresentativeField.busy, busy - 1) }
        }
        var random = turn.random("walk-ins")
        try turn.world.welcomeWalkIns(turn.parameters, &random)
        try moveWalkIns(&turn)
        try serveWalkIns(&turn)
        for id in turn.world.entities(of: Kind.customer) where isWaiting(id, in: turn.world) { try wait(id, &turn) }
        try deliver(&turn)
    }

    // MARK: Walk-ins

    /// Each goes on towards what it wants, in a random order: the last item is nobody's by name.
    private static func moveWalkIns(_ turn: inout Turn<Self>) throws {
        var walkIns = turn.world.entities(of: Kind.customer, where: CustomerField.isWalkIn, is: true)
        var random = turn.random("walk-in order")
        random.shuffle(&walkIns)
        for id in walkIns { try moveWalkIn(id, &turn) }
    }

    private static func moveWalkIn(_ id: EntityID, _ turn: inout Turn<Self>) throws {
        guard let here = turn.world.zone(of: id) else { return }
        let hasItems = turn.world.get(id, CustomerField.items) ?? 0 > 0
        if hasItems {
            try walk(id, to: "checkout", &turn)
        } else if let wish = turn.world.get(id, CustomerField.wants), let aisle = turn.world.zone(of: wish) {
            if here == aisle {
                // Whoever cannot have it waits, see `isWaiting`.
                if (try? turn.world.canTake(wish, by: id)) != nil { try turn.world.take(wish, by: id) }
            } else {
                try walk(id, to: aisle, &turn)
            }
        } else {
            // It has bought what it wanted.
            try turn.world.remove(id)
        }
    }

    private static func walk(_ id: EntityID, to zone: String, _ turn: inout Turn<Self>) throws {
        if let entered = try turn.world.walk(id, towards: zone) { try noteQueue(id, in: entered, &turn) }
    }

    /// The tills that no seat used serve those who came first.
    private static func serveWalkIns(_ turn: inout Turn<Self>) throws {
        let used = turn.world.events.count { $0.name == "sold" }
        let waiting = turn.world.queue.filter {
            turn.world.get($0, CustomerField.isWalkIn) == true
                && turn.world.get($0, CustomerField.queuedAt) ?? turn.tick < turn.tick
        }
        let world = turn.world
        // The sort is stable, so that of one tick the names' bytes decide.
        let first = waiting.sorted {
            world.get($0, CustomerField.queuedAt) ?? 0 < world.get($1, CustomerField.queuedAt) ?? 0
        }
        for id in first.prefix(max(0, turn.parameters.tills - used)) { _ = try turn.world.pay(id) }
    }

    // MARK: Waiting

    /// Whether a customer waits: in the queue, for help, or before an empty shelf of what it wants.
    private static func isWaiting(_ id: EntityID, in world: World) -> Bool {
        if world.get(id, CustomerField.asks) != nil { return true }
        let zone = world.zone(of: id)
        if world.get(id, CustomerField.items) ?? 0 > 0 { return zone == "checkout" }
        guard let wish = world.get(id, CustomerField.wants), world.zone(of: wish) == zone else { return false }
        return (try? world.canTake(wish, by: id)) == nil
    }

    /// Who has no patience left goes, and leaves the basket.
    private static func wait(_ id: EntityID, _ turn: inout Turn<Self>) throws {
        guard try turn.world.wait(id) else { return }
        let zone = turn.world.zone(of: id)
        try turn.world.emptyBasket(of: id)
        try turn.world.remove(id)
        try turn.world.add(books, StoreField.lost, 1)
        try turn.world.emit(WorldEvent("lost", subject: id, zone: zone))
    }

    // MARK: Delivery

    /// Fills the shelves up to what they began with; what is in baskets counts.
    private static func deliver(_ turn: inout Turn<Self>) throws {
        let every = turn.parameters.deliveryEvery
        guard every > 0, turn.tick % every == 0 else { return }
        for offer in turn.parameters.products {
            let id = EntityID(offer.name)
            let held = (turn.world.get(id, ProductField.stock) ?? 0) + turn.world.inBaskets(id)
            if held < offer.stock { try turn.world.stock(id, offer.stock - held) }
        }
    }
}
