/// Checks that hidden state does not reach a seat: changes hidden things of a world at random and compares the
/// bytes of what the seat is shown.
///
///     let report = NonInterference.check(world, viewer: "guard-1", visibility: .radius(5), seed: 1)
///     #expect(report.leaks.isEmpty && report.tried > 0)
public enum NonInterference {
    /// A hidden change that was seen.
    public struct Leak: Sendable, Hashable, CustomStringConvertible {
        /// What was changed.
        public var change: String
        /// What the seat was shown without it.
        public var before: [UInt8]
        /// And with it.
        public var after: [UInt8]

        /// The change, and from where on the bytes differ.
        public var description: String {
            let place = zip(before, after).prefix { $0 == $1 }.count
            func excerpt(_ bytes: [UInt8]) -> String {
                String(decoding: bytes.dropFirst(max(0, place - 20)).prefix(80), as: UTF8.self)
            }
            return "\(change) is seen at byte \(place): …\(excerpt(before))… becomes …\(excerpt(after))…"
        }
    }

    /// What came of a check.
    public struct Report: Sendable, Hashable {
        /// How many hidden changes were tried; a check that tried none has shown nothing.
        public var tried = 0
        /// Those that were seen, at most `maximumLeaks`.
        public var leaks: [Leak] = []
    }

    /// How many leaks are enough.
    public static let maximumLeaks = 10

    /// Checks the scene that a visibility gives.
    public static func check(
        _ world: World, viewer: EntityID, visibility: Visibility, seed: UInt64, changes: Int = 200
    ) -> Report {
        check(world, viewer: viewer, visibility: visibility, seed: seed, changes: changes) {
            Scene(of: $0, viewer: viewer, visibility: visibility, tick: 0).bytes()
        }
    }

    /// Checks what a function shows a seat, for example a scenario's own text; the visibility says what it may show.
    ///
    /// Each change is one of: an attribute, the zone, the place or the links of a hidden entity, its spawning or
    /// removal; an attribute of a visible one that the viewer is no audience of; a hidden event. An entity whose own
    /// change brings it into sight or out of it is left alone: telling that is what a visibility is for. Changes that
    /// are hidden stay and add up. Of the state of the world only `changes` and the seed decide what is tried.
    public static func check(
        _ world: World, viewer: EntityID, visibility: Visibility, seed: UInt64, changes: Int = 200,
        observe: (World) -> [UInt8]
    ) -> Report {
        var report = Report()
        var world = world
        var random = RandomStream(seed: seed, domain: "non-interference", purpose: "changes")
        let before = observe(world)
        for _ in 0..<max(0, changes) where report.leaks.count < maximumLeaks {
            let sight = visibility.sight(of: viewer, in: world)
            guard let change = HiddenChange(in: world, sight, &random), change.isHidden(by: visibility)
            else { continue }
            report.tried += 1
            let after = observe(change.world)
            if after == before {
                world = change.world
            } else {
                report.leaks.append(Leak(change: change.description, before: before, after: after))
            }
        }
        return report
    }
}
