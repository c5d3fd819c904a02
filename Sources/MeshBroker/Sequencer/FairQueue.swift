import DequeModule

/// How waiting work is grouped into turns.
enum Turn {
    /// The owner of a turn.
    enum Owner: Hashable, Sendable {
        /// The node, the admin token, and everything else that belongs to no member.
        case node
        case member(Int64)
    }

    /// One lane of work that keeps its order.
    enum Lane: Hashable, Sendable {
        case connection(UInt64)
        /// Reads without a connection.
        case calls
        /// Writes without a connection.
        case callWrites
    }

    /// Where an item waits.
    struct Place: Hashable, Sendable {
        var owner: Owner
        var lane: Lane
    }
}

/// Work that waits for a mesh's writer, in turns by member: a member that asks for much waits for itself. The order of
/// each connection's requests is kept.
struct FairQueue<Item> {
    private struct Waiting {
        var turns: Deque<Turn.Lane> = []
        var lanes: [Turn.Lane: Deque<Item>] = [:]
    }

    private var owners: [Turn.Owner: Waiting] = [:]
    private var turns: Deque<Turn.Owner> = []
    /// Lanes that may not proceed, with their work.
    private var parked: [Turn.Place: Deque<Item>] = [:]
    /// Items queued in turns.
    private(set) var count = 0
    /// Items queued in parked lanes.
    private(set) var parkedCount = 0
    private var sizes: [Turn.Owner: Int] = [:]

    /// Items of one owner that wait, parked or not.
    func waits(of owner: Turn.Owner) -> Int { sizes[owner] ?? 0 }

    private mutating func resize(_ owner: Turn.Owner, by change: Int) {
        let size = (sizes[owner] ?? 0) + change
        sizes[owner] = size > 0 ? size : nil
    }

    /// Whether the queue is empty.
    var isEmpty: Bool { count == 0 && parkedCount == 0 }

    /// Whether a condition holds for any item queued in turns.
    func contains(where matches: (Item) -> Bool) -> Bool {
        owners.values.contains { $0.lanes.values.contains { $0.contains(where: matches) } }
    }

    /// Adds work at the end of its lane.
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

    /// The next work in turns; nil when nothing may proceed.
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

    /// Puts work back at the front of its lanes, in the order in which it was taken. Lanes that got nothing done go
    /// before those that did.
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
        // Turns resume where they stopped: in the order of what was taken and not done, first those that got nothing.
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

    /// Takes a lane out of the turns until it is unparked; work added to it meanwhile waits there.
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

    /// Unparks the lanes that match a condition.
    mutating func unpark(where mayGoOn: (Turn.Place) -> Bool) {
        for place in parked.keys.filter(mayGoOn) {
            guard let items = parked.removeValue(forKey: place) else { continue }
            parkedCount -= items.count
            resize(place.owner, by: -items.count)
            for item in items { add(item, at: place) }
        }
    }

    /// Removes and returns what matches a condition in the lanes of a connection.
    mutating func remove(of connection: UInt64, where picks: (Item) -> Bool) -> [Item] {
        let lane = Turn.Lane.connection(connection)
        let holders = owners.filter { $0.value.lanes[lane] != nil }.map(\.key) + parked.keys.map(\.owner)
        return Set(holders).flatMap { remove(of: Turn.Place(owner: $0, lane: lane), where: picks) }
    }

    /// Removes and returns all waiting work; only the order within each lane is kept.
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
