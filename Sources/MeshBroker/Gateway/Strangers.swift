/// The unidentified connections, oldest first, as a value. Their number is limited: the oldest makes room for the next,
/// so that nobody keeps others out by holding on to connections.
package struct Strangers<Connection> {
    private var waiting: [UInt64: Connection] = [:]
    private var order: [UInt64] = []
    private var first = 0
    private let limit: Int

    /// The maximum.
    package init(limit: Int) { self.limit = limit }

    /// Number of connections.
    package var count: Int { waiting.count }

    /// Capacity, for measuring the cost.
    var places: Int { order.count }

    /// Adds a connection, under a number that was never used before. Returns the one that must go for it.
    package mutating func add(_ connection: Connection, number: UInt64) -> Connection? {
        waiting[number] = connection
        order.append(number)
        guard waiting.count > limit else { return nil }
        while first < order.count {
            let oldest = order[first]
            first += 1
            if let connection = waiting.removeValue(forKey: oldest) {
                compact()
                return connection
            }
        }
        return nil
    }

    /// Removes a connection that was identified, or is gone.
    package mutating func remove(_ number: UInt64) {
        waiting[number] = nil
        if order.count - first > 2 * waiting.count + 64 { compact(all: true) }
    }

    private mutating func compact(all: Bool = false) {
        if all {
            order = order[first...].filter { waiting[$0] != nil }
            first = 0
        } else if first > 1_024, first * 2 > order.count {
            order.removeFirst(first)
            first = 0
        }
    }
}
