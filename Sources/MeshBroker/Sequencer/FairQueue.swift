import DequeModule

/// How work is told apart that waits for its turn.
enum Turn {
    /// Whose turn it is.
    enum Owner: Hashable, Sendable {
        /// The node, the admin token, and everything else that is no member's.
        case node
        case member(Int64)
    }

    /// One line of work that keeps its order.
    enum Lane: Hashable, Sendable {
        case connection(UInt64)
        /// Reads without a connection.
        case calls
        /// Writes without a connection.
        case callWrites
    }

    /// Where something waits.
    struct Place: Hashable, Sendable {
        var owner: Owner
        var lane: Lane
    }
}

/// Work that waits for a mesh's writer, in turns by member: whoever asks for much waits for itself. The order of what
/// one connection asks for is kept.
struct FairQueue<Item> {
    private struct Waiting {
        var turns: Deque<Turn.Lane> = []
        var lanes: [Turn.Lane: Deque<Item>] = [:]
    }

    private var owners: [Turn.Owner: Waiting] = [:]
    private var turns: Deque<Turn.Owner> = []
    /// Lanes that may not go on, with what waits in them.
    private var parked: [Turn.Place: Deque<Item>] = [:]
    /// How much waits in turns.
    private(set) var count = 0
    /// How much waits in parked lanes.
    private(set) var parkedCount = 0
    private var sizes: [Turn.Owner: Int] = [:]

    /// How much of one owner waits, parked or not.
    func waits(of owner: Turn.Owner) -> Int { sizes[owner] ?? 0 }

    private mutating func resize(_ owner: Turn.Owner, by change: Int) {
        let size = (sizes[owner] ?? 0) + change
        sizes[owner] = size > 0 ? size : nil
    }

    /// Whether nothing waits at all.
    var isEmpty: Bool { count == 0 && parkedCount == 0 }

    /// Whether a condition holds for anything that waits in turns.
    func contains(where matches: (Item) -> Bool) -> Bool {
        owners.values.contains { $0.lanes.values.contains { $0.contains(where: matches) } }
    }

    /// Adds work behind everything else of its lane.
    mutating func add(_ item: Item, at place: Turn.Place) {
        resize(place.owner, by: 1)
        if parked[place]?.append(item) != nil {
            parkedCount += 1
            return
        }
        count += 1
        if owners[place.owner] == nil {
            owners[place.owner] = Waiting()
            turns.append(place.owner)
        }
        Self.change(&owners[place.owner, default: Waiting()], place.lane) { $0.append(item) }
    }

    private static func change(_ waiting: inout Waiting, _ lane: Turn.Lane, _ body: (inout Deque<Item>) -> Void) {
        if waiting.lanes[lane] == nil { waiting.turns.append(lane) }
        body(&waiting.lanes[lane, default: []])
    }

    /// The next work in turns; nil when nothing may go on.
    mutating func next() -> (item: Item, place: Turn.Place)? {
        guard let owner = turns.popFirst() else { return nil }
        var waiting = owners.removeValue(forKey: owner) ?? Waiting()
        defer {
            if !waiting.turns.isEmpty {
                owners[owner] = waiting
                turns.append(owner)
            }
        }
        guard let lane = waiting.turns.popFirst(), let item = waiting.lanes[lane]?.popFirst() else { return nil }
        if waiting.lanes[lane]?.isEmpty ?? true {
            waiting.lanes[lane] = nil
        } else {
            waiting.turns.append(lane)
        }
        count -= 1
        resize(owner, by: -1)
        return (item, Turn.Place(owner: owner, lane: lane))
    }

    /// Puts work back in front of its lanes, in the order in which it was taken. Lanes that got nothing done go on before
    /// those that did.
    mutating func putBack(_ work: [(item: Item, place: Turn.Place)], served: Set<Turn.Owner>) {
        for (item, place) in work.reversed() {
            resize(place.owner, by: 1)
            if parked[place]?.prepend(item) != nil {
                parkedCount += 1
                continue
            }
            count += 1
            if owners[place.owner] == nil { owners[place.owner] = Waiting() }
            Self.change(&owners[place.owner, default: Waiting()], place.lane) { $0.prepend(item) }
        }
        // Turns go on where they stood: in the order of what was taken and not done, first those that got nothing.
        var order: [Turn.Owner] = []
        var seen: Set<Turn.Owner> = []
        var lanes: [Turn.Owner: [Turn.Lane]] = [:]
        var seenLanes: Set<Turn.Place> = []
        for (_, place) in work where parked[place] == nil {
            if seen.insert(place.owner).inserted { order.append(place.owner) }
            if seenLanes.insert(place).inserted { lanes[place.owner, default: []].append(place.lane) }
        }
        for (owner, first) in lanes {
            let others = owners[owner]?.turns.filter { !first.contains($0) } ?? []
            owners[owner]?.turns = Deque(first + others)
        }
        let known = turns.filter { !seen.contains($0) }
        turns = Deque(order.filter { !served.contains($0) } + known + order.filter(served.contains))
    }

    /// Takes a lane out of the turns until it is unparked; what is added to it meanwhile waits there.
    mutating func park(_ place: Turn.Place) {
        guard parked[place] == nil else { return }
        var items: Deque<Item> = []
        if let waiting = owners[place.owner]?.lanes.removeValue(forKey: place.lane) {
            items = waiting
            owners[place.owner]?.turns.removeAll { $0 == place.lane }
            if owners[place.owner]?.turns.isEmpty ?? true {
                owners[place.owner] = nil
                turns.removeAll { $0 == place.owner }
            }
        }
        count -= items.count
        parkedCount += items.count
        parked[place] = items
    }

    /// Lets lanes go on that fulfil a condition.
    mutating func unpark(where mayGoOn: (Turn.Place) -> Bool) {
        for place in parked.keys.filter(mayGoOn) {
            guard let items = parked.removeValue(forKey: place) else { continue }
            parkedCount -= items.count
            resize(place.owner, by: -items.count)
            for item in items { add(item, at: place) }
        }
    }

    /// Takes out what a condition picks of the lanes of a connection. Returns it.
    mutating func remove(of connection: UInt64, where picks: (Item) -> Bool) -> [Item] {
        let lane = Turn.Lane.connection(connection)
        let holders = owners.filter { $0.value.lanes[lane] != nil }.map(\.key) + parked.keys.map(\.owner)
        return Set(holders).flatMap { remove(of: Turn.Place(owner: $0, lane: lane), where: picks) }
    }

    /// Takes out all that waits, in no order but that of each lane.
    mutating func removeAll() -> [Item] {
        unpark { _ in true }
        var all: [Item] = []
        while let (item, _) = next() { all.append(item) }
        return all
    }

    private mutating func remove(of place: Turn.Place, where picks: (Item) -> Bool) -> [Item] {
        var removed: [Item] = []
        defer { resize(place.owner, by: -removed.count) }
        if let items = parked[place] {
            removed = items.filter(picks)
            parkedCount -= removed.count
            let rest = items.filter { !picks($0) }
            parked[place] = rest
        } else if let items = owners[place.owner]?.lanes[place.lane] {
            removed = items.filter(picks)
            count -= removed.count
            let rest = items.filter { !picks($0) }
            if rest.isEmpty {
                owners[place.owner]?.lanes[place.lane] = nil
                owners[place.owner]?.turns.removeAll { $0 == place.lane }
                if owners[place.owner]?.turns.isEmpty ?? true {
                    owners[place.owner] = nil
                    turns.removeAll { $0 == place.owner }
                }
            } else {
                owners[place.owner]?.lanes[place.lane] = rest
            }
        }
        return removed
    }
}
