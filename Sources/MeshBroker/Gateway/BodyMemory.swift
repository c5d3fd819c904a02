import Synchronization

/// The shared limit for the bodies of all requests that are being received.
package final class BodyMemory: Sendable {
    /// Bodies up to this size are not counted: their connections cost as much anyway.
    package static let freeBytes = 16_384
    private let limit: Int
    private let taken = Mutex(0)

    package init(limit: Int) { self.limit = limit }

    /// Reserves room for a body; false when there is none.
    package func take(_ bytes: Int) -> Bool {
        taken.withLock { taken in
            guard taken + bytes <= limit else { return false }
            taken += bytes
            return true
        }
    }

    /// Releases it.
    package func give(_ bytes: Int) { taken.withLock { $0 -= bytes } }
}
