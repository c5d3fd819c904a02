package import Logging
import MeshStore
import Synchronization

/// The disk of a node's folder: what it accepts now, the space reserved on it, and a check every five seconds until
/// there is room again.
package final class DiskSpace: Sendable {
    /// What it needs from the node; set once the node has it.
    package struct Surroundings: Sendable {
        package var logger: Logger
        package var metrics: BrokerMetrics
        /// Milliseconds that only grow.
        package var monotonicMillis: @Sendable () -> Int64
        /// Runs something after a time in milliseconds, where it may block on the disk.
        package var later: @Sendable (Int64, @escaping @Sendable () -> Void) -> Void
        /// There is room again.
        package var onRoom: @Sendable () -> Void
    }

    private struct Known {
        var state = SpaceState()
        var isWatched = false
        var surroundings: Surroundings?
        /// The time and result of the last check whether something fits.
        var tried: (at: Int64, fits: Bool)?
    }

    /// Milliseconds between two checks.
    package static let lookMillis: Int64 = 5_000
    /// Beyond the reserved space, before writes resume: less would be full again with the next message.
    static let headroomBytes = 1 << 20
    /// Enough for some acknowledgements.
    static let someBytes = 256 << 10
    /// What a start on a full disk may need: indexes of logs, the hellos of readers.
    static let startBytes = 1 << 20
    private static let tryMillis: Int64 = 1_000

    private let reserve: ReserveFile
    private let startReserve: ReserveFile
    private let trial: ReserveFile
    private let roomTrial: ReserveFile
    private let known = Mutex(Known())

    /// The disk of a folder.
    package init(folder: String) {
        reserve = ReserveFile(path: folder + "/reserve")
        startReserve = ReserveFile(path: folder + "/reserve.start", bytes: Self.startBytes)
        trial = ReserveFile(path: folder + "/reserve.trial", bytes: Self.someBytes)
        roomTrial = ReserveFile(path: folder + "/reserve.write", bytes: Self.headroomBytes)
    }

    /// Reserves space before anything of a start is written. On a full disk the earlier reserve is released instead:
    /// first the part for acknowledgements, then the part for starts.
    package func begin() {
        let room = measure()
        known.withLock { $0.state.looked(room) }
        if level != .ok, measureSome() == .none { startReserve.release() }
    }

    /// Notifies the node from here on, and checks again while the disk is full.
    package func attach(_ surroundings: Surroundings) {
        known.withLock { $0.surroundings = surroundings }
        tell(from: .ok)
    }

    /// The node has ended: no more notifications and no more checks.
    package func detach() { known.withLock { $0.surroundings = nil } }

    /// What is stored now.
    package var level: SpaceState.Level { known.withLock { $0.state.level } }

    /// For the writers of meshes.
    var gauge: SpaceGauge {
        SpaceGauge(level: { self.level }, writeFailed: { self.writeFailed(at: $0) })
    }

    /// A write found no space.
    package func writeFailed(at tried: SpaceState.Level) {
        let before = change { $0.writeFailed(at: tried) }
        if before == .ok, level != .ok { reserve.release() }
        tell(from: before)
    }

    /// Whether a write would find space, tried on the disk at most once a second.
    package func wouldTakeWrite() -> Bool {
        guard level == .ok else { return false }
        let now = known.withLock { $0.surroundings?.monotonicMillis() } ?? 0
        if let tried = known.withLock({ $0.tried }), now - tried.at < Self.tryMillis { return tried.fits }
        let fits = roomTrial.fill()
        roomTrial.release()
        known.withLock { $0.tried = (now, fits) }
        return fits
    }

    // MARK: Looking

    private func look() {
        let isOver = known.withLock { known in
            known.isWatched = false
            return known.surroundings == nil
        }
        if isOver { return }
        let room = PlantedFault.isPlanted(.neverRoomAgain) ? .none : measure()
        let before = change { $0.looked(room) }
        tell(from: before)
        if before != .ok, level == .ok { known.withLock { $0.surroundings }?.onRoom() }
    }

    private func measure() -> SpaceState.Room {
        let missing = startReserve.isHeld ? 0 : Self.startBytes
        if reserve.fill(leaving: Self.headroomBytes + missing), startReserve.fill() { return .enough }
        // Space reserved without headroom would be missing where it is needed now.
        reserve.release()
        return measureSome()
    }

    private func measureSome() -> SpaceState.Room {
        defer { trial.release() }
        return trial.fill() ? .some : .none
    }

    /// The level before a change.
    private func change(_ body: (inout SpaceState) -> Void) -> SpaceState.Level {
        known.withLock { known in
            let before = known.state.level
            body(&known.state)
            return before
        }
    }

    /// Reports the change, and schedules the next check, one at most.
    private func tell(from before: SpaceState.Level) {
        let (after, surroundings, plansLook) = known.withLock { known in
            let after = known.state.level
            let plansLook = after != .ok && !known.isWatched && known.surroundings != nil
            if plansLook { known.isWatched = true }
            return (after, known.surroundings, plansLook)
        }
        guard let surroundings else { return }
        surroundings.metrics.set("broker_disk_level", Double(after.rawValue))
        if plansLook { surroundings.later(Self.lookMillis) { [weak self] in self?.look() } }
        guard before != after else { return }
        switch after {
        case .ok: surroundings.logger.notice("the disk has space again: everything is stored")
        case .low:
            surroundings.logger.error(
                "the disk is full: acknowledgements are stored from the space set aside, other writes are refused")
        case .full: surroundings.logger.error("the disk is full and the space set aside is used up: nothing is stored")
        }
    }
}
