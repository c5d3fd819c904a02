/// The holders of seats. Changes requested while a tick is open take effect when the next is opened, and are in that
/// tick's seal: no seat changes during a tick.
///
/// The table keeps the current and the next seats; the seal contains the difference.
public struct SeatTable: Codable, Sendable {
    /// The maximum number of seats.
    public static let maximumSeats = 10_000
    /// The seats of the tick that is open, by name.
    public private(set) var current: [Seat] = []
    /// The seats of the next tick, by name.
    public private(set) var upcoming: [Seat] = []
    private var hasChanged = false
    /// The last generation of seats that were given up, so that a returning holder gets a new one.
    private var former: [Former] = []
    /// When `former` is full it is cleared, and new holders begin above every earlier generation.
    private var floor: Int64 = 0
    private var highest: Int64 = 0

    private struct Former: Codable, Sendable, Named {
        var name: String
        var generation: Int64
    }

    /// Makes a table without seats.
    public init() {}

    /// Reads a table. Fails when its state is inconsistent.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        current = try fields.decode([Seat].self, forKey: .current)
        upcoming = try fields.decode([Seat].self, forKey: .upcoming)
        hasChanged = try fields.decode(Bool.self, forKey: .hasChanged)
        former = try fields.decode([Former].self, forKey: .former)
        floor = try fields.decode(Int64.self, forKey: .floor)
        highest = try fields.decode(Int64.self, forKey: .highest)
        try checkWhole()
        guard former.isInOrder, former.allSatisfy({ Self.countRange.contains($0.generation) }),
            Self.countRange.contains(floor), Self.countRange.contains(highest)
        else { throw SimError("the generations of former seats are out of order or range") }
    }

    /// Returns a seat as of the open tick.
    public subscript(name: String) -> Seat? { current.index(of: name).map { current[$0] } }

    /// Takes a seat from the next tick on; returns its generation. Fails when it is taken, when a value is out of
    /// range, or when the table is full.
    @discardableResult
    public mutating func take(_ seat: Seat) throws(SimError) -> Int64 {
        try seat.check()
        let (index, isFound) = upcoming.place(of: seat.name)
        guard !isFound else {
            throw SimError("the seat \(seat.name) is taken; take another name, or ask for a hand-over")
        }
        guard upcoming.count < Self.maximumSeats else {
            throw SimError("all \(Self.maximumSeats) seats are taken; wait until one is given up")
        }
        var taken = seat
        taken.generation = max(floor, lastGeneration(of: seat.name)) + 1
        taken.body = taken.generation
        taken.missed = 0
        upcoming.insert(taken, at: index)
        note(taken.generation)
        return taken.generation
    }

    /// Gives up a seat from the next tick on. Fails when it has no holder.
    public mutating func giveUp(_ name: String) throws(SimError) {
        let index = try place(name)
        remember(upcoming.remove(at: index))
        hasChanged = true
    }

    /// Hands the body to another mind from the next tick on; returns the new generation. Without a late policy, that of
    /// the seat stays. Fails when the seat has no holder.
    @discardableResult
    public mutating func handOver(
        _ name: String, to mind: Mind, latePolicy: LatePolicy? = nil, isBlocking: Bool = true
    ) throws(SimError) -> Int64 {
        let index = try place(name)
        try SimName.check(mind.rawValue, what: "mind of a seat")
        try latePolicy?.check()
        upcoming[index].mind = mind
        upcoming[index].generation += 1
        upcoming[index].missed = 0
        upcoming[index].isBlocking = isBlocking
        if let latePolicy { upcoming[index].latePolicy = latePolicy }
        note(upcoming[index].generation)
        return upcoming[index].generation
    }

    /// Stops waiting for the seat, from the next tick on. Fails when it has no holder.
    public mutating func demote(_ name: String) throws(SimError) {
        upcoming[try place(name)].isBlocking = false
        hasChanged = true
    }

    /// Waits for the seat again, from the next tick on. Fails when it has no holder.
    public mutating func readmit(_ name: String) throws(SimError) {
        let index = try place(name)
        upcoming[index].isBlocking = true
        upcoming[index].missed = 0
        hasChanged = true
    }

    /// Applies the requested changes and returns them, by name.
    mutating func beginTick() -> [SeatChange] {
        guard hasChanged else { return [] }
        var changes: [SeatChange] = []
        var (old, new) = (0, 0)
        while old < current.count || new < upcoming.count {
            let isGone =
                new == upcoming.count || (old < current.count && current[old].name.precedesInBytes(upcoming[new].name))
            let isNew =
                !isGone && (old == current.count || upcoming[new].name.precedesInBytes(current[old].name))
            if isGone {
                changes.append(Self.change(.left, current[old]))
            } else if isNew {
                changes.append(Self.change(.joined, upcoming[new]))
            } else {
                changes += Self.changes(from: current[old], to: upcoming[new])
            }
            if !isNew { old += 1 }
            if !isGone { new += 1 }
        }
        current = upcoming
        hasChanged = false
        return changes
    }

    /// Records the consecutive ticks a seat has missed; demotes it when there are too many.
    mutating func setMissed(_ missed: Int64, at index: Int, demoteAfter: Int64?) {
        guard current[index].missed != missed else { return }
        current[index].missed = missed
        let seat = current[index]
        guard let next = upcoming.index(of: seat.name), upcoming[next].generation == seat.generation else { return }
        // A seat readmitted while the tick was open starts at 0.
        let isReadmitted = upcoming[next].isBlocking && !seat.isBlocking
        upcoming[next].missed = isReadmitted ? 0 : missed
        if let demoteAfter, seat.isBlocking, missed >= demoteAfter {
            upcoming[next].isBlocking = false
            hasChanged = true
        }
    }

    private static func changes(from old: Seat, to new: Seat) -> [SeatChange] {
        if old.body != new.body { return [change(.left, old), change(.joined, new)] }
        if old.generation != new.generation { return [change(.handedOver, new)] }
        if old.isBlocking != new.isBlocking { return [change(new.isBlocking ? .readmitted : .demoted, new)] }
        return []
    }

    private static func change(_ kind: SeatChange.Kind, _ seat: Seat) -> SeatChange {
        SeatChange(
            seat: seat.name, kind: kind, generation: seat.generation, mind: seat.mind.rawValue, role: seat.role)
    }

    private func place(_ name: String) throws(SimError) -> Int {
        guard let index = upcoming.index(of: name) else { throw SimError("nobody holds the seat \(name)") }
        return index
    }

    private mutating func note(_ generation: Int64) {
        highest = max(highest, generation)
        hasChanged = true
    }

    private func lastGeneration(of name: String) -> Int64 {
        former.index(of: name).map { former[$0].generation } ?? 0
    }

    private mutating func remember(_ seat: Seat) {
        let (index, isFound) = former.place(of: seat.name)
        if isFound {
            former[index].generation = seat.generation
        } else if former.count < Self.maximumSeats {
            former.insert(Former(name: seat.name, generation: seat.generation), at: index)
        } else {
            former = []
            floor = highest
        }
    }
}
