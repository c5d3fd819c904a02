public import MeshCore
public import MeshSim

/// The tills: who pays when. Each open till serves one customer a tick; those who came first are first.
///
/// Exports: `length`, `tills`, and `receipts` (by payment: true when it was paid, false when it was withdrawn before). Reads
/// of the floor: `payments` (by name: `{"items": 3, "due": 360}`, and `"withdrawn": true` when the customer does not wait any
/// longer).
public enum QueueDomain: Scenario {
    public typealias Parameters = RetailStore.Parameters
    public static let name = "retail-queue"
    public static let rulesVersion = 1
    public static let actions = [openTills, Action.wait]

    static let ticket = "ticket"
    static let cashier = "cashier"
    static let tills = Attribute<Int64>("tills", range: 0...10_000)
    /// A payment waits, then it is paid or withdrawn; that is its receipt, kept until the floor has read it.
    static let state = Attribute<String>(
        "state", initial: "waiting", choices: ["waiting", "paid", "withdrawn"], indexed: true)

    public static func schema(_ parameters: Parameters) throws -> WorldSchema {
        try parameters.check()
        return try WorldSchema(types: [
            EntityType(ticket, limit: Answers.limit) {
                state
                CustomerField.items
                CustomerField.due
            },
            EntityType(Kind.store, limit: 1) {
                tills
                StoreField.revenue
                StoreField.sold
            },
            EntityType(cashier, limit: 100),
        ])
    }

    public static func begin(_ turn: inout Turn<Self>) throws {
        try turn.world.spawn(
            Kind.store, id: RetailStore.books, ["tills": .integer(Int64(turn.parameters.tills))])
    }

    public static func enter(_ seat: SeatChange, _ turn: inout Turn<Self>) throws -> EntityID {
        try turn.world.spawn(cashier)
    }

    public static func step(_ turn: inout Turn<Self>) throws {
        try turn.world.checkStore()
        if let payments = turn.imported(RetailFederation.floor, "payments")?.objectValue {
            for id in turn.world.entities(of: ticket) where payments[payment(id)] == nil { try turn.world.remove(id) }
            for (name, value) in payments { try line(up: name, value, &turn.world) }
        }
        let open = Int(turn.world.get(RetailStore.books, tills) ?? 0)
        for id in turn.world.entities(of: ticket, where: state, is: "waiting").prefix(open) {
            try turn.world.add(RetailStore.books, StoreField.revenue, turn.world.get(id, CustomerField.due) ?? 0)
            try turn.world.add(RetailStore.books, StoreField.sold, turn.world.get(id, CustomerField.items) ?? 0)
            try turn.world.set(id, state, "paid")
        }
    }

    /// Takes a payment into the line, and out of it when it was withdrawn while it waited. One that makes no sense, or for
    /// which there is no room, is not answered.
    private static func line(up name: String, _ value: JSON, _ world: inout World) throws {
        let id = EntityID("ticket:\(name)")
        if !world.contains(id) {
            guard let items = value["items"]?.integerValue, let due = value["due"]?.integerValue else { return }
            do { try world.spawn(ticket, id: id, ["items": .integer(items), "due": .integer(due)]) } catch { return }
        }
        if value["withdrawn"] == true, world.get(id, state) == "waiting" { try world.set(id, state, "withdrawn") }
    }

    private static func payment(_ ticket: EntityID) -> String { String(ticket.rawValue.dropFirst("ticket:".count)) }

    public static func visibility(role: String?, _ parameters: Parameters) -> Visibility { .everything }

    public static func metrics(_ world: World, _ parameters: Parameters) -> [(name: String, value: Double)] {
        func book(_ field: Attribute<Int64>) -> Double { Double(world.get(RetailStore.books, field) ?? 0) }
        return [
            ("length", Double(world.entities(of: ticket, where: state, is: "waiting").count)),
            ("sold", book(StoreField.sold)), ("revenue", book(StoreField.revenue)),
        ]
    }

    public static func exports(_ turn: borrowing Turn<Self>) -> [(key: String, value: JSON)] {
        var receipts = JSONObject()
        turn.world.forEach(of: ticket) { view in
            guard let state = view.get(state), state != "waiting" else { return }
            receipts[payment(view.id)] = .bool(state == "paid")
        }
        let length = turn.world.entities(of: ticket, where: state, is: "waiting").count
        return [
            ("length", .integer(Int64(length))),
            ("tills", .integer(turn.world.get(RetailStore.books, tills) ?? 0)), ("receipts", .object(receipts)),
        ]
    }

    private static let openTills = Action<QueueDomain>(
        ActionSchema(
            "open_tills", help: "Say how many tills are open from this tick on; each serves one customer a tick.",
            arguments: [ActionArgument("count", .integer(minimum: 0, maximum: 100), help: "How many.")])
    ) { call, _ in
        guard (0...100).contains(call.integer("count")) else {
            throw Refusal("\(call.integer("count")) tills; give 0 to 100")
        }
    } apply: { call, turn in
        try turn.world.set(RetailStore.books, tills, call.integer("count"))
        return ["tills": .integer(call.integer("count"))]
    }
}
