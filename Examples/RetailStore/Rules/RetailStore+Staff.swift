import MeshCore
import MeshSim

extension RetailStore {
    static let staffActions: [Action<RetailStore>] = [help, restock, setPrice, announce]

    private static let help = Action<RetailStore>(
        ActionSchema(
            "help",
            help:
                "As a representative: tell a customer in your zone, whose field `asks` is set, where the wanted product "
                + "is. It takes your attention for 2 ticks (`busy`).",
            arguments: [ActionArgument("customer", .entity, help: "An entity of type customer that asks.")])
    ) { call, turn in
        let (own, customer) = (try call.entity, call.entity("customer"))
        guard turn.world.type(of: own) == Kind.representative else {
            throw Refusal("only a representative can help; ask one instead")
        }
        guard turn.world.get(own, RepresentativeField.busy) == 0 else {
            throw Refusal("you are still helping; wait until `busy` is 0")
        }
        guard turn.world.type(of: customer) == Kind.customer,
            turn.world.zone(of: customer) == turn.world.zone(of: own)
        else { throw Refusal("\(customer) is no customer in your zone; move there, or help one that you see here") }
        guard turn.world.get(customer, CustomerField.asks) != nil else {
            throw Refusal("\(customer) has not asked for help; help one whose field `asks` is set")
        }
    } claim: { call, _ in
        Claim(call.text("customer"))
    } apply: { call, turn in
        let (own, customer) = (try call.entity, call.entity("customer"))
        let skill = turn.world.get(own, RepresentativeField.skill) ?? 0
        try turn.world.feel(customer, 0.05 + 0.2 * skill)
        try turn.world.clear(customer, CustomerField.asks.name)
        let aisle = turn.world.get(customer, CustomerField.wants).flatMap { turn.world.zone(of: $0) }
        if let aisle { try turn.world.set(customer, CustomerField.aisle, aisle) }
        // One more than it says: this tick's own step takes one.
        try turn.world.set(own, RepresentativeField.busy, 3)
        try turn.world.emit(WorldEvent("helped", subject: customer, to: [customer, own]))
        return ["helped": .string(customer.rawValue)]
    }

    private static let restock = Action<RetailStore>(
        ActionSchema(
            "restock",
            help:
                "As a representative in the product's zone, or as the manager from anywhere: put more items on the shelf.",
            arguments: [
                ActionArgument("product", .entity, help: "An entity of type product."),
                ActionArgument(
                    "count", .integer(minimum: 1, maximum: 100), help: "How many, 1 to 100.", defaultValue: 10),
            ])
    ) { call, turn in
        let product = call.entity("product")
        try checkProduct(product, turn)
        try checkWork(call, turn, mayRepresentative: true)
        if let own = call.body?.entity, turn.world.type(of: own) == Kind.representative,
            turn.world.zone(of: own) != turn.world.zone(of: product)
        {
            throw Refusal("\(product) is in \(turn.world.zone(of: product) ?? "no zone"); go there first")
        }
        let held = (turn.world.get(product, ProductField.stock) ?? 0) + turn.world.inBaskets(product)
        guard held + call.integer("count") <= shelfSize else {
            throw Refusal("there are \(held) of \(product), at most \(shelfSize) may be; restock fewer")
        }
    } apply: { call, turn in
        let (product, count) = (call.entity("product"), call.integer("count"))
        try turn.world.stock(product, count)
        return ["stock": .integer(turn.world.get(product, ProductField.stock) ?? 0)]
    }

    private static let setPrice = Action<RetailStore>(
        ActionSchema(
            "set_price",
            help: "As the manager: set what a product costs, in cents. What is in a basket already keeps its price.",
            arguments: [
                ActionArgument("product", .entity, help: "An entity of type product."),
                ActionArgument("price", .integer(minimum: 1, maximum: mostPrice), help: "In cents."),
            ])
    ) { call, turn in
        try checkProduct(call.entity("product"), turn)
        try checkWork(call, turn, mayRepresentative: false)
        guard (1...mostPrice).contains(call.integer("price")) else {
            throw Refusal("a price is 1 to \(mostPrice) cents, not \(call.integer("price"))")
        }
    } apply: { call, turn in
        try turn.world.set(call.entity("product"), ProductField.price, call.integer("price"))
        return ["price": .integer(call.integer("price"))]
    }

    private static let announce = Action<RetailStore>(
        ActionSchema(
            "announce", help: "As the manager: say something over the loudspeakers, to everyone in the store.",
            arguments: [ActionArgument("text", .string(maximumLength: 300), help: "What to say.")])
    ) { call, turn in
        try checkWork(call, turn, mayRepresentative: false)
        guard !call.text("text").isEmpty else { throw Refusal("there is nothing to announce; give a text") }
    } apply: { call, turn in
        let everyone = turn.bodies.map(\.entity).filter { turn.world.contains($0) }
        let heard = Array(everyone.prefix(WorldEvent.maximumReceivers))
        try turn.world.emit(WorldEvent("announced", to: heard, data: ["text": .string(call.text("text"))]))
        return ["heard": .integer(Int64(heard.count))]
    }

    private static func checkProduct(_ product: EntityID, _ turn: borrowing Turn<Self>) throws(Refusal) {
        guard turn.world.type(of: product) == Kind.product else {
            throw Refusal("\(product) is no product; name an entity of type product")
        }
    }

    /// Fails unless the manager acts, or a person who commands from outside, or a representative where that is allowed.
    private static func checkWork(
        _ call: ActionCall, _ turn: borrowing Turn<Self>, mayRepresentative: Bool
    ) throws(Refusal) {
        guard let own = call.body?.entity else { return }
        let type = turn.world.type(of: own)
        guard type == Kind.manager || (mayRepresentative && type == Kind.representative) else {
            throw Refusal(
                mayRepresentative ? "only a representative or the manager can do this" : "only the manager can do this")
        }
    }
}
