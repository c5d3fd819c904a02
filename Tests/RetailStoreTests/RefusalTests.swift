import MeshCore
import MeshSim
import Testing

@testable import RetailStore

/// What each action refuses, and that nothing has changed then.
@Suite struct RefusalTests {
    typealias Act = Shop<RetailStore>.Act

    static let parameters = RetailStore.Parameters(
        products: [
            .init("radio", in: "hall", price: 100, cost: 60, stock: 1),
            .init("piano", in: "hall", price: 5_000, cost: 3_000, stock: 2),
            .init("ghost", in: "hall", price: 10, cost: 5, stock: 0),
            .init("sand", in: "hall", price: 1, cost: 0, stock: 9_950),
        ], checkoutPlaces: 1, tills: 1, leastBudget: 1_000, mostBudget: 1_000, patience: 50)

    struct Case: Sendable, CustomTestStringConvertible {
        var seat: String
        var action: String
        var arguments: JSON
        var expected: String
        /// What is done before, a tick each.
        var before: [(seat: String, action: String, arguments: JSON)]
        var testDescription: String { "\(seat) \(action) \(arguments.text): \(expected)" }

        init(
            _ seat: String, _ action: String, _ arguments: JSON, _ expected: String,
            after before: [(seat: String, action: String, arguments: JSON)] = []
        ) {
            (self.seat, self.action, self.arguments, self.expected) = (seat, action, arguments, expected)
            self.before = before
        }
    }

    private static func go(_ seat: String, _ zone: String) -> (seat: String, action: String, arguments: JSON) {
        (seat, "move", ["zone": .string(zone)])
    }
    private static func ask(_ seat: String) -> (seat: String, action: String, arguments: JSON) {
        (seat, "ask", ["representative": "representative-1"])
    }

    static let cases = [
        Case("ann", "fly", [:], "no action fly"),
        Case("ann", "move", ["zone": "moon"], "no zone moon"),
        Case("ann", "move", ["zone": "office"], "for those who work here"),
        Case("ann", "move", ["zone": "entrance"], "already"),
        Case("rep", "move", ["zone": "office"], "not connected"),
        Case("ben", "move", ["zone": "checkout"], "full", after: [go("ann", "checkout")]),
        Case("ann", "ask", ["representative": "representative-1"], "no representative in your zone"),
        Case("ann", "ask", ["representative": "customer-2"], "no representative in your zone"),
        Case(
            "ann", "ask", ["representative": "representative-1"], "asked already",
            after: [go("ann", "hall"), ask("ann")]),
        Case("rep", "ask", ["representative": "representative-1"], "only a customer"),
        Case("ann", "take", ["product": "radio"], "is not in entrance"),
        Case("ann", "take", ["product": "unicorn"], "no product"),
        Case("ann", "take", ["product": "ghost"], "sold out", after: [go("ann", "hall")]),
        Case("ann", "take", ["product": "piano"], "1000 of your budget are left", after: [go("ann", "hall")]),
        Case("boss", "take", ["product": "radio"], "only a customer"),
        Case(
            "ann", "purchase", [:], "at the checkout", after: [go("ann", "hall"), ("ann", "take", ["product": "sand"])]),
        Case("ann", "purchase", [:], "basket is empty", after: [go("ann", "checkout")]),
        Case("ann", "leave", [:], "doors are at the entrance", after: [go("ann", "hall")]),
        Case("ann", "move", ["zone": "hall"], "", after: [("ann", "leave", [:])]),
        Case("boss", "leave", [:], "only a customer"),
        Case("ann", "help", ["customer": "customer-2"], "only a representative"),
        Case("rep", "help", ["customer": "customer-1"], "no customer in your zone"),
        Case("rep", "help", ["customer": "customer-1"], "has not asked", after: [go("ann", "hall")]),
        Case(
            "rep", "help", ["customer": "customer-2"], "still helping",
            after: [
                go("ann", "hall"), go("ben", "hall"), ask("ann"), ask("ben"),
                ("rep", "help", ["customer": "customer-1"]),
            ]),
        Case("ann", "restock", ["product": "radio", "count": 1], "only a representative or the manager"),
        Case("boss", "restock", ["product": "unicorn", "count": 1], "no product"),
        Case("rep", "restock", ["product": "radio", "count": 1], "go there first", after: [go("rep", "entrance")]),
        Case("boss", "restock", ["product": "sand", "count": 51], "at most 10000"),
        Case(
            "boss", "restock", ["product": "sand", "count": 51], "at most 10000",
            after: [go("ann", "hall"), ("ann", "take", ["product": "sand"])]),
        Case("rep", "set_price", ["product": "radio", "price": 7], "only the manager"),
        Case("boss", "set_price", ["product": "radio", "price": 0], "1 to 1000000000"),
        Case("boss", "set_price", ["product": "customer-1", "price": 7], "no product"),
        Case("rep", "announce", ["text": "hi"], "only the manager"),
        Case("boss", "announce", ["text": ""], "nothing to announce"),
        Case("person", "take", ["product": "radio"], "only a seat"),
    ]

    @Test(arguments: cases)
    func isRefusedAndChangesNothing(_ one: Case) throws {
        var shop = Shop<RetailStore>(Self.parameters)
        try shop.tick(joining: [
            ("ann", "customer"), ("ben", "customer"), ("boss", "manager"), ("rep", "representative"),
        ])
        for act in one.before {
            let outcome = try shop.tick([Act(seat: act.seat, action: act.action, arguments: act.arguments)])
            try #require(outcome.map(\.accepted) == [true], "\(outcome)")
        }
        var idle = shop
        try idle.tick()
        let outcomes = try shop.tick([Act(seat: one.seat, action: one.action, arguments: one.arguments)])
        try #require(outcomes.count == 1)
        #expect(!outcomes[0].accepted)
        #expect(outcomes[0].reason?.contains(one.expected) == true || one.expected.isEmpty, "\(outcomes)")
        #expect(shop.model.domainHashes == idle.model.domainHashes, "a refused action has changed something")
        #expect(shop.faults.isEmpty)
    }

    @Test(arguments: [
        (
            "a zone of its own",
            RetailStore.Parameters(products: [.init("radio", in: "office", price: 1, cost: 1, stock: 1)])
        ),
        ("nothing to sell", RetailStore.Parameters(products: [])),
        ("twice", RetailStore.Parameters(products: [.first, .first])),
        ("a price of 0", RetailStore.Parameters(products: [.init("radio", in: "hall", price: 0, cost: 1, stock: 1)])),
        ("stock", RetailStore.Parameters(products: [.init("radio", in: "hall", price: 1, cost: 1, stock: -1)])),
        ("walk-ins", RetailStore.Parameters(products: RetailStore.Offer.few, walkIns: .nan)),
        ("budget", RetailStore.Parameters(products: RetailStore.Offer.few, leastBudget: 9, mostBudget: 8)),
        ("patience", RetailStore.Parameters(products: RetailStore.Offer.few, patience: 0)),
    ])
    func parametersThatMakeNoSenseAreFaults(_ name: String, _ parameters: RetailStore.Parameters) throws {
        var shop = Shop<RetailStore>(parameters)
        #expect(!shop.faults.isEmpty, "\(name)")
        try shop.tick(joining: [("ann", "customer")])
    }

    @Test func anUnknownRoleGetsNoBody() throws {
        var shop = Shop<RetailStore>(Self.parameters)
        try shop.tick(joining: [("ann", "thief")])
        #expect(shop.model.bodies.isEmpty)
        #expect(shop.faults.first?.contains("customer, representative, manager") == true)
    }
}

extension RetailStore.Offer {
    fileprivate static let first = few[0]
}
