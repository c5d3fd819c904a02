import MeshCore
import Synchronization

/// Messages that this program has taken over from the broker, on disk: acknowledged once they are here, and handed to the
/// handler until it has returned, over crashes.
final class FileInbox: Sendable {
    /// Handled messages that are remembered, so that the broker's repeated offer is no second message.
    static let maximumHandled = 20_000

    private struct State {
        var waiting: Set<String>
        var handled: Set<String>
        var order: Int64
    }

    private let folder: String
    private let state: Mutex<State>

    init(folder: String) throws(MeshError) {
        self.folder = folder
        try SystemCalls.makeFolder(folder + "/handled")
        let waiting = try SystemCalls.list(folder).filter { $0.hasSuffix(".json") }.map(Self.id)
        let handled = try SystemCalls.list(folder + "/handled")
        state = Mutex(State(waiting: Set(waiting), handled: Set(handled), order: 0))
    }

    /// What was taken over and not handled yet, in the order in which it came.
    func load() throws(MeshError) -> [MessagePush] {
        var pushes: [MessagePush] = []
        for name in try SystemCalls.list(folder) where name.hasSuffix(".json") {
            guard let bytes = try SystemCalls.read("\(folder)/\(name)") else { continue }
            do throws(JSONError) {
                pushes.append(
                    try JSONCoder.decode(
                        MessagePush.self, from: JSON.parse(bytes, limits: JSONLimits(maxBytes: 1 << 24))))
            } catch {
                throw MeshError(
                    .storageFailed, "\(folder)/\(name) cannot be read: \(error)", hint: "move the file away")
            }
        }
        return pushes
    }

    /// Takes a message over; on disk when this returns. False when it was taken before.
    func take(_ push: MessagePush) throws(MeshError) -> Bool {
        let place: Int64? = state.withLock { state in
            guard !state.handled.contains(push.messageId), state.waiting.insert(push.messageId).inserted else {
                return nil
            }
            state.order = max(state.order + 1, SystemCalls.now() * 1_000)
            return state.order
        }
        guard let place else { return false }
        do throws(MeshError) {
            let bytes: [UInt8]
            do throws(JSONError) { bytes = try JSONCoder.encode(push).bytes() } catch {
                throw MeshError(.internalError, "\(error)")
            }
            try SystemCalls.write("\(folder)/\(Self.name(place, push.messageId))", bytes)
            return true
        } catch {
            state.withLock { _ = $0.waiting.remove(push.messageId) }
            throw error
        }
    }

    /// Says that a message was handled: it will not be handed out again.
    func finish(_ id: String) throws(MeshError) {
        guard
            let name = try SystemCalls.list(folder).first(where: { $0.hasSuffix(".json") && Self.id($0).isSame(as: id) }
            )
        else { return }
        // The mark comes first: a crash in between leaves a message that is known to be handled.
        try SystemCalls.write("\(folder)/handled/\(id)", [])
        SystemCalls.remove("\(folder)/\(name)")
        let isOver = state.withLock { state in
            state.waiting.remove(id)
            state.handled.insert(id)
            return state.handled.count > Self.maximumHandled + Self.maximumHandled / 8
        }
        if isOver { forgetOldest() }
    }

    /// Whether a message was handled by an earlier run that died before it removed it.
    func wasHandled(_ id: String) -> Bool { state.withLock { $0.handled.contains(id) } }

    private func forgetOldest() {
        let names = ((try? SystemCalls.list(folder + "/handled")) ?? []).sorted {
            SystemCalls.modified("\(folder)/handled/\($0)") < SystemCalls.modified("\(folder)/handled/\($1)")
        }
        for name in names.dropLast(Self.maximumHandled) {
            SystemCalls.remove("\(folder)/handled/\(name)")
            state.withLock { _ = $0.handled.remove(name) }
        }
    }

    private static func name(_ place: Int64, _ id: String) -> String {
        let digits = String(place)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "-\(id).json"
    }

    private static func id(_ name: String) -> String {
        String(name.drop { $0 != "-" }.dropFirst().dropLast(".json".count))
    }
}
