extension TickCollector {
    enum CodingKeys: String, CodingKey {
        case seats, catalog, rules, sealedTick, receipts, window, inboxes, commanders
    }

    /// Reads the state of a collector. Fails when its parts are inconsistent, as in an altered file.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            catalog: try fields.decode(ActionCatalog.self, forKey: .catalog),
            rules: try fields.decode(TickRules.self, forKey: .rules),
            sealedTick: try fields.decode(Int64.self, forKey: .sealedTick))
        seats = try fields.decode(SeatTable.self, forKey: .seats)
        receipts = try fields.decode([Receipt].self, forKey: .receipts)
        window = try fields.decodeIfPresent(Window.self, forKey: .window)
        inboxes = try fields.decode([SeatInbox].self, forKey: .inboxes)
        commanders = try fields.decode([SeatInbox].self, forKey: .commanders)
        guard inboxes.map(\.name) == seats.current.map(\.name),
            inboxes.map(\.generation) == seats.current.map(\.generation)
        else { throw SimError("the inboxes of the collector are not those of its seats") }
        guard commanders.isInOrder, commanders.count <= Self.maximumCommanders else {
            throw SimError("those who command are not in order, or too many")
        }
    }
}

extension SeatTable {
    enum CodingKeys: String, CodingKey { case current, upcoming, hasChanged, former, floor, highest }

    /// Fails when the table is inconsistent.
    func checkWhole() throws(SimError) {
        for seats in [current, upcoming] {
            guard seats.isInOrder, seats.count <= Self.maximumSeats else {
                throw SimError("the seats are not in the order of their names, or too many")
            }
            for seat in seats {
                try seat.check()
                guard Self.countRange.contains(seat.generation), (0...seat.generation).contains(seat.body),
                    (0...TickCollector.lastTick).contains(seat.missed)
                else { throw SimError("the seat \(seat.name) has a count out of range") }
            }
        }
    }

    /// The range of generations: integers that every JSON library reads exactly.
    static let countRange: ClosedRange<Int64> = 0...TickCollector.lastTick
}

extension Array where Element: Named {
    /// Reports whether names are unique and sorted by bytes.
    var isInOrder: Bool { zip(self, dropFirst()).allSatisfy { $0.name.precedesInBytes($1.name) } }
}
