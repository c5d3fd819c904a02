/// What a node's disk still accepts, as a value: write failures and disk checks go in, the level comes out.
///
/// ```
///   ok --a write fails--> low --a write fails--> full
///   ok <--room for all--- low <--some room------ full
/// ```
package struct SpaceState: Sendable, Hashable {
    /// What is stored.
    package enum Level: Int, Sendable, Hashable {
        /// Everything; space is reserved.
        case ok
        /// What `Request.isEssential` names, from the reserved space. Everything else is refused.
        case low
        /// Nothing: that space is used up too. Reads go on.
        case full
    }

    /// The result of a disk check.
    package enum Room: Sendable, Hashable {
        /// Next to nothing.
        case none
        /// Enough for some acknowledgements.
        case some
        /// Enough to reserve space and to go on.
        case enough
    }

    /// The level now.
    package private(set) var level = Level.ok

    package init() {}

    /// A write found no space, tried at a level. One tried at another level adds nothing new: several meshes share a
    /// disk.
    package mutating func writeFailed(at tried: Level) {
        guard tried == level else { return }
        level = level == .ok ? .low : .full
    }

    /// The disk was checked.
    package mutating func looked(_ room: Room) {
        switch (room, level) {
        case (.enough, _): level = .ok
        case (.some, _), (.none, .ok): level = .low
        case (.none, .low), (.none, .full): break
        }
    }
}

/// What a mesh's writer asks the disk, and reports to it.
package struct SpaceGauge: Sendable {
    /// What is stored now.
    package var level: @Sendable () -> SpaceState.Level
    /// A write found no space, tried at this level.
    package var writeFailed: @Sendable (SpaceState.Level) -> Void

    package init(
        level: @escaping @Sendable () -> SpaceState.Level,
        writeFailed: @escaping @Sendable (SpaceState.Level) -> Void
    ) {
        self.level = level
        self.writeFailed = writeFailed
    }

    /// An unlimited disk.
    package static let unlimited = SpaceGauge(level: { .ok }, writeFailed: { _ in })
}
