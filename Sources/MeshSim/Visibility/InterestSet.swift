/// Which entities each seat has in sight, to report entering and leaving explicitly.
public struct InterestSet: Codable, Sendable, Hashable {
    /// The changes of a seat's sight since the last update; each by the bytes of the names.
    public struct Change: Codable, Sendable, Hashable {
        /// Not in sight before, now in sight.
        public var entered: [EntityID]
        /// In sight before and now.
        public var stayed: [EntityID]
        /// In sight before, no longer. Whether it is gone from the world or only from sight is not for the seat to
        /// know.
        public var left: [EntityID]
    }

    private struct Sight: Codable, Sendable, Hashable {
        let seat: String
        var entities: [EntityID]
    }
    /// By the bytes of the seats' names. As many as there are seats, each with as many as are in sight.
    private var sights: [Sight] = []

    /// No seat yet.
    public init() {}

    /// The seats that have a sight, by bytes.
    public var seats: [String] { sights.map(\.seat) }

    /// What a seat has in sight; empty for one that is not known.
    public func entities(of seat: String) -> [EntityID] {
        let place = place(of: seat)
        return sights.indices.contains(place) && sights[place].seat == seat ? sights[place].entities : []
    }

    /// Takes what a seat sees now, by bytes and each once as `Visibility` gives it, and says what that changes. For a
    /// seat that was not known everything enters.
    public mutating func update(_ seat: String, sees now: [EntityID]) -> Change {
        let place = place(of: seat)
        if !(sights.indices.contains(place) && sights[place].seat == seat) {
            sights.insert(Sight(seat: seat, entities: []), at: place)
        }
        let before = sights[place].entities
        sights[place].entities = now
        var change = Change(entered: [], stayed: [], left: [])
        mergeSorted(before, by: \.rawValue, now, by: \.rawValue) { old, new in
            switch (old, new) {
            case (nil, let new?): change.entered.append(new)
            case (let old?, nil): change.left.append(old)
            default: if let new { change.stayed.append(new) }
            }
        }
        return change
    }

    /// Forgets a seat; if it comes back, everything enters.
    public mutating func forget(_ seat: String) { sights.removeAll { $0.seat == seat } }

    /// Where a seat stands or would stand.
    private func place(of seat: String) -> Int {
        var (low, high) = (0, sights.count)
        while low < high {
            let middle = (low + high) / 2
            if sights[middle].seat.precedesInBytes(seat) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
