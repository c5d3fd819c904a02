import Synchronization

/// One push for many recipients: its frame is written once per dialect, at the first use.
package final class SharedPush: Push {
    /// The push.
    package let base: any Push
    private let frames = Mutex<[Dialect: [UInt8]?]>([:])

    /// Shares a push.
    package init(_ base: any Push) { self.base = base }

    package func frame(for dialect: Dialect) -> [UInt8]? {
        frames.withLock { frames in
            if let known = frames[dialect] { return known }
            let frame = base.frame(for: dialect)
            frames[dialect] = .some(frame)
            return frame
        }
    }
}
