public import MeshCore
import Synchronization

/// The watch of a prefix of the state.
extension MeshClient {
    /// Watches the keys of a prefix. The first element is a snapshot, the others are the changes of one write each,
    /// without a gap; after a reconnection, or when the reader was too slow, a new snapshot comes. A snapshot of any size
    /// is read in pages. Fails when the broker refuses the watch; one that it refuses later ends the stream.
    public func watchState(prefix: String = "") async throws(MeshError) -> AsyncStream<StateUpdate> {
        let name = "w\(core.withLock { $0.number() })"
        let key = "state:" + name
        let (stream, continuation) = AsyncStream<StateUpdate>.makeStream(
            bufferingPolicy: .bufferingOldest(configuration.bufferLimit))
        let request = WatchState(prefix: prefix, watchId: name)
        let frame = try WireFrame.bytes(type: WatchState.type, body: request, requestID: key)
        let watch = StateWatch(client: self, request: request, frame: frame, continuation)
        let isAttached = core.withLock { $0.machine.isAttached }
        begin(
            key, frame: { frame }, take: { watch.take($0, $1) }, end: { continuation.finish() },
            startsNow: !isAttached)
        continuation.onTermination = { [weak self] _ in
            self?.end(key)
            self?.write(Unwatch(watchId: name))
        }
        guard isAttached else { return stream }
        do throws(MeshError) { _ = try await call(request) } catch {
            if error.code == .tooLarge {
                watch.gather()
            } else if error.details["network"] != true {
                continuation.finish()
                throw error
            }
            // Otherwise the connection was lost: the next one begins the watch.
        }
        return stream
    }
}

/// One watch, from its frames to its reader.
private final class StateWatch: Sendable {
    private enum Mode {
        case live
        /// The reader was too slow: changes are left out until a new snapshot is taken.
        case behind
        /// Pages are being read.
        case gathering(Int, StateGathering)
    }

    private let mode = Mutex((mode: Mode.live, tries: 0))
    private let client: @Sendable () -> MeshClient?
    private let request: WatchState
    private let frame: [UInt8]
    private let reader: AsyncStream<StateUpdate>.Continuation

    init(
        client: MeshClient, request: WatchState, frame: [UInt8], _ reader: AsyncStream<StateUpdate>.Continuation
    ) {
        self.client = { [weak client] in client }
        self.request = request
        self.frame = frame
        self.reader = reader
    }

    /// Takes a frame of the broker.
    func take(_ type: String, _ json: JSON) {
        switch type {
        case "error":
            if json["code"]?.stringValue == ErrorCode.tooLarge.rawValue { gather() } else { reader.finish() }
        case StateSnapshot.type:
            guard let snapshot = try? JSONCoder.decode(StateSnapshot.self, from: json), snapshot.partial != true else {
                return
            }
            mode.withLock { $0.mode = .live }
            give(.snapshot(snapshot.entries, revision: snapshot.revision))
        default:
            guard let list = json["changes"], let revision = json["revision"]?.integerValue,
                let all = try? JSONCoder.decode([StateChanges.Change].self, from: list)
            else { return }
            // The frame tells all watches of the connection.
            let prefix = (request.prefix ?? "").utf8
            let changes = all.filter { $0.key.utf8.starts(with: prefix) }
            guard !changes.isEmpty else { return }
            let author = StateUpdate.Author(
                name: json["updatedBy"]?.stringValue ?? "",
                key: json["updatedByKey"]?.stringValue.flatMap { PublicKey(hex: $0) })
            change(
                .init(
                    changes: changes, revision: revision, updatedBy: author,
                    updatedAt: json["updatedAt"]?.stringValue ?? ""))
        }
    }

    private func change(_ write: StateGathering.Write) {
        let (isLive, isFull) = mode.withLock { state in
            switch state.mode {
            case .live: return (true, false)
            case .behind: return (false, false)
            case .gathering(let number, var gathering):
                // Taken out first, so that it is changed in its place.
                state.mode = .behind
                gathering.add(write)
                state.mode = .gathering(number, gathering)
                return (false, gathering.isFull)
            }
        }
        if isLive { give(.changes(write.changes, revision: write.revision, updatedBy: write.updatedBy)) }
        if isFull { gather() }
    }

    private func give(_ update: StateUpdate) {
        guard case .dropped = reader.yield(update) else { return }
        mode.withLock { $0.mode = .behind }
        client()?.core.withLock { $0.transport }?.send([frame])
    }

    /// Reads what is there in pages, while changes are kept.
    func gather() {
        let number = mode.withLock { state in
            state.tries += 1
            state.mode = .gathering(state.tries, StateGathering())
            return state.tries
        }
        Task {
            do throws(MeshError) {
                guard let client = client() else { return }
                var watch = request
                watch.snapshot = false
                _ = try await client.call(watch)
                finish(number, try await client.callAll(ListState(prefix: request.prefix)))
            } catch {
                // A new connection begins the watch again; whatever else it is would be so the next time.
                if error.details["network"] != true { reader.finish() }
            }
        }
    }

    private func finish(_ number: Int, _ pages: StateList) {
        // Given under the lock: no later change may come before it.
        let isDropped = mode.withLock { state in
            guard case .gathering(number, let gathering) = state.mode else { return false }
            let (entries, revision) = gathering.snapshot(pages)
            state.mode = .live
            guard case .dropped = reader.yield(.snapshot(entries, revision: revision)) else { return false }
            state.mode = .behind
            return true
        }
        if isDropped { client()?.core.withLock { $0.transport }?.send([frame]) }
    }
}
