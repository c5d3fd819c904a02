import MeshCore
import MeshSim

extension RetailStore {
    static let customerActions: [Action<RetailStore>] = [move, ask, take, purchase, leave]

    /// What a customer may do where it stands.
    static func customerActions(for customer: EntityID, in world: World) -> [String] {
        let zone = world.zone(of: customer)
        let mayPay = zone == "checkout" && world.get(customer, CustomerField.items) ?? 0 > 0
        let mayLeave = zone == "checkout" || zone == "entrance"
        return ["move", "ask", "take", "wait"] + (mayPay ? ["purchase"] : []) + (mayLeave ? ["leave"] : [])
    }

    private static let move = Action<RetailStore>(
        ActionSchema(
            "move",
            help:
                "Walk to a neighbouring zone. The sign of your zone lists under `exits` where you can go: every aisle is "
                + "next to the entrance and to the checkout.",
            arguments: [ActionArgument("zone", .string(maximumLength: 128), help: "One of the exits of your zone.")])
    ) { call, turn in
        let body = try call.entity
        let zone = call.text("zone")
        guard zone != "office" || turn.world.type(of: body) != Kind.customer else {
            throw Refusal("the office is for those who work here; choose another exit")
        }
        guard turn.world.zone(of: body) != zone else { throw Refusal("you are in \(zone) already") }
    } apply: { call, turn in
        let (body, zone) = (try call.entity, call.text("zone"))
        try turn.world.move(body, to: zone)
        try noteQueue(body, in: zone, &turn)
        // Who goes on does not wait for help any more.
        if turn.world.type(of: body) == Kind.customer { try turn.world.clear(body, CustomerField.asks.name) }
        return ["zone": .string(zone)]
    }

    /// Remembers since when a customer has stood in the queue, and that it does no more.
    static func noteQueue(_ body: EntityID, in zone: String, _ turn: inout Turn<Self>) throws {
        guard turn.world.type(of: body) == Kind.customer else { return }
        if zone == "checkout" {
            try turn.world.set(body, CustomerField.queuedAt, turn.tick)
        } else {
            try turn.world.clear(body, CustomerField.queuedAt.name)
        }
    }

    private static let ask = Action<RetailStore>(
        ActionSchema(
            "ask",
            help: "Ask a representative in your zone where the product is that you want. When you are helped, `aisle` "
                + "says it, and you feel better. While nobody helps, your patience falls.",
            arguments: [
                ActionArgument("representative", .entity, help: "An entity of type representative in your zone.")
            ])
    ) { call, turn in
        let (customer, other) = (try customer(call, turn), call.entity("representative"))
        guard turn.world.type(of: other) == Kind.representative,
            turn.world.zone(of: other) == turn.world.zone(of: customer)
        else { throw Refusal("\(other) is no representative in your zone; ask one that you see") }
        guard turn.world.get(customer, CustomerField.asks) == nil else {
            throw Refusal("you have asked already; wait, or go on without help")
        }
    } apply: { call, turn in
        let (customer, other) = (try call.entity, call.entity("representative"))
        try turn.world.set(customer, CustomerField.asks, other)
        try turn.world.emit(WorldEvent("asked", subject: customer, to: [customer, other]))
        return ["asked": .string(other.rawValue)]
    }

    private static let take = Action<RetailStore>(
        ActionSchema(
            "take",
            help:
                "Put one item of a product of your zone into your basket. You owe the price of this moment. When more "
                + "customers take than there are items, it is drawn by lot who gets one.",
            arguments: [ActionArgument("product", .entity, help: "An entity of type product in your zone.")])
    ) { call, turn in
        try turn.world.canTake(call.entity("product"), by: try customer(call, turn))
    } claim: { call, turn in
        let product = call.entity("product")
        return Claim(product.rawValue, capacity: Int(turn.world.get(product, ProductField.stock) ?? 0))
    } apply: { call, turn in
        let (customer, product) = (try call.entity, call.entity("product"))
        try turn.world.take(product, by: customer)
        return [
            "items": .integer(turn.world.get(customer, CustomerField.items) ?? 0),
            "due": .integer(turn.world.get(customer, CustomerField.due) ?? 0),
        ]
    }

    private static let purchase = Action<RetailStore>(
        ActionSchema(
            "purchase",
            help: "Pay for everything in your basket, at the checkout. Each till serves one customer a tick; when more "
                + "want to pay, it is drawn by lot, and the others wait.")
    ) { call, turn in
        let customer = try customer(call, turn)
        guard turn.world.zone(of: customer) == "checkout" else {
            throw Refusal("you pay at the checkout; move there first")
        }
        guard turn.world.get(customer, CustomerField.items) ?? 0 > 0 else {
            throw Refusal("your basket is empty; take something first, or leave")
        }
    } claim: { _, turn in
        Claim("tills", capacity: turn.parameters.tills)
    } apply: { call, turn in
        let customer = try call.entity
        let due = turn.world.get(customer, CustomerField.due) ?? 0
        let items = try turn.world.pay(customer)
        return ["items": .integer(items), "paid": .integer(due)]
    }

    private static let leave = Action<RetailStore>(
        ActionSchema(
            "leave",
            help:
                "Go home, from the entrance or the checkout. What you have not paid for goes back to the shelves. You "
                + "do not come back.")
    ) { call, turn in
        let customer = try customer(call, turn)
        guard ["entrance", "checkout"].contains(turn.world.zone(of: customer)) else {
            throw Refusal("the doors are at the entrance and behind the checkout; move to one of them first")
        }
    } apply: { call, turn in
        let customer = try call.entity
        let satisfaction = turn.world.get(customer, CustomerField.satisfaction) ?? 0
        try turn.world.emptyBasket(of: customer)
        try turn.world.remove(customer)
        return ["satisfaction": .double(satisfaction)]
    }

    /// The customer that acts. Fails for others.
    private static func customer(_ call: ActionCall, _ turn: borrowing Turn<Self>) throws(Refusal) -> EntityID {
        let id = try call.entity
        guard turn.world.type(of: id) == Kind.customer else {
            throw Refusal("only a customer in the store can do this")
        }
        return id
    }
}
