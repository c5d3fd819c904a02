import MeshCore
import MeshSim

extension FloorDomain {
    static let move = Action<FloorDomain>(
        ActionSchema(
            "move", help: "Walk to a neighbouring zone: an aisle, the entrance or the checkout.",
            arguments: [ActionArgument("zone", .string(maximumLength: 128), help: "A zone next to yours.")])
    ) { call, turn in
        let (customer, zone) = (try shopper(call, turn), call.text("zone"))
        guard zone != "office" else { throw Refusal("the office is for those who work here; choose another zone") }
        guard turn.world.zone(of: customer) != zone else { throw Refusal("you are in \(zone) already") }
        guard turn.world.payment(of: customer) == nil else { throw Refusal("you are paying; wait until it is done") }
    } apply: { call, turn in
        try turn.world.move(try call.entity, to: call.text("zone"))
        return ["zone": .string(call.text("zone"))]
    }

    static let take = Action<FloorDomain>(
        ActionSchema(
            "take",
            help:
                "Reach for one item of a product of your zone. Two ticks later it is in your basket, or it was the last "
                + "one and somebody else has it. You owe the price at which it was granted.",
            arguments: [ActionArgument("product", .entity, help: "An entity of type product in your zone.")])
    ) { call, turn in
        try turn.world.canWish(call.entity("product"), by: try shopper(call, turn))
    } apply: { call, turn in
        try turn.world.wish(call.entity("product"), by: try call.entity)
        return ["asked": .string(call.text("product"))]
    }

    static let pay = Action<FloorDomain>(
        ActionSchema(
            "purchase",
            help: "Join the queue at the checkout. You have paid when your basket is empty; until then, wait.")
    ) { call, turn in
        try turn.world.canQueueUp(try shopper(call, turn))
    } apply: { call, turn in
        try turn.world.queueUp(try call.entity)
        return [:]
    }

    static let leave = Action<FloorDomain>(
        ActionSchema(
            "leave",
            help:
                "Go home. What you have not paid for goes back. Who is in the queue goes when the tills have answered.")
    ) { call, turn in
        _ = try shopper(call, turn)
    } apply: { call, turn in
        try turn.world.depart(try call.entity)
        return [:]
    }

    /// The customer that acts. Fails for others.
    private static func shopper(_ call: ActionCall, _ turn: borrowing Turn<Self>) throws(Refusal) -> EntityID {
        let id = try call.entity
        guard turn.world.type(of: id) == Kind.customer else {
            throw Refusal("only a customer on the floor can do this")
        }
        return id
    }
}
