import MeshCore

/// Messages that wait for the program's handler, counted. A broker has at most a window of them on their way; one that sends
/// more is not believed, and what it sends is not kept.
struct WaitingMessages: Sendable {
    /// Twice the window of a broker.
    static let maximumCount = 2 * DeliveryPolicy.window
    /// About how many bytes they may take: four times a broker's window.
    static let maximumBytes = 4 * DeliveryPolicy.windowBytes

    private var sizes: [String: Int] = [:]
    private var bytes = 0
    /// How many were not taken.
    private(set) var turnedAway = 0

    /// Takes a message in; false when too much waits.
    mutating func begin(_ id: String, bytes size: Int) -> Bool {
        guard sizes.count < Self.maximumCount, bytes + size <= Self.maximumBytes || sizes.isEmpty else {
            turnedAway += 1
            return false
        }
        bytes += size - (sizes.updateValue(size, forKey: id) ?? 0)
        return true
    }

    /// A message waits no more.
    mutating func end(_ id: String) { bytes -= sizes.removeValue(forKey: id) ?? 0 }
}
