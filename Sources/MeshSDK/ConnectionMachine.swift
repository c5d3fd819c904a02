import MeshCore

/// The decisions of a client's connection, as a value: what happened goes in, what to do comes out.
struct ConnectionMachine: Sendable {
    /// What to do next.
    enum Action: Sendable, Hashable {
        /// Connect.
        case connect
        /// Connect again after so many milliseconds.
        case wait(milliseconds: Int64)
        /// End with this error: trying again would not help.
        case end(MeshError)
        /// End quietly.
        case stop
    }

    private(set) var isAttached = false
    private var failures = 0
    private var isStopping = false
    private let backoff: MeshClient.Backoff

    init(backoff: MeshClient.Backoff) { self.backoff = backoff }

    /// The hello was accepted.
    mutating func attached() {
        isAttached = true
        failures = 0
    }

    /// The program asked to stop.
    mutating func stop() { isStopping = true }

    /// No connection could be made.
    mutating func couldNotConnect(random: Double) -> Action { isStopping ? .stop : again(random) }

    /// The connection ended. `refusal` is the error frame that came before, if one did.
    mutating func closed(_ reason: CloseReason?, refusal: MeshError?, random: Double) -> Action {
        let wasAttached = isAttached
        isAttached = false
        if isStopping { return .stop }
        switch reason?.code {
        case 4001: return .end(MeshError(.unauthorized, "this session was removed from the mesh by an admin"))
        case 4002: return .end(refusal ?? MeshError(.revoked, "this member was removed from the mesh"))
        case 4004:
            return .end(
                MeshError(
                    .sessionInUse, "another program took over this session", hint: "run only one, or use another --name"
                ))
        case 4009: return .end(refusal ?? MeshError(.sessionInUse, "this session is connected elsewhere"))
        case 1008:
            if let refusal, refusal.code.endsClient || !wasAttached && refusal.code.refusesFields {
                return .end(refusal)
            }
            return again(random)
        default: return again(random)
        }
    }

    /// Doubles the wait for each failure in a row, up to the limit, and spreads it over its upper half, so that many
    /// clients do not come back in one moment.
    private mutating func again(_ random: Double) -> Action {
        let exponent = min(failures, 20)
        failures += 1
        let full = min(backoff.maximumMillis, backoff.initialMillis << Int64(exponent))
        return .wait(milliseconds: Int64(Double(full) * (0.5 + 0.5 * random)))
    }
}

extension ErrorCode {
    /// Whether a client that was refused with this code will be refused again.
    fileprivate var endsClient: Bool {
        switch self {
        case .malformed, .badSessionKey, .badParentKey, .attestationMismatch, .badSignature, .wrongAudience,
            .unauthorized, .sessionKeyTaken, .timestampSkew:
            true
        default: false
        }
    }

    /// Whether a hello that was refused with this code says something that cannot be taken, like a label that is another
    /// member's name. Later in a connection the same codes concern one request alone.
    fileprivate var refusesFields: Bool { self == .exists || self == .invalidArgument }
}

/// The last messages that were seen, so that none is handed out twice.
struct DuplicateWindow: Sendable {
    /// What is known of a message.
    enum Verdict: Sendable, Hashable {
        /// Never seen: hand it out.
        case new
        /// A handler has it: say nothing.
        case inProgress
        /// It was handled: acknowledge it again.
        case done
    }

    private var state: [String: Bool] = [:]
    private var order: [String] = []
    private var first = 0
    private let limit: Int

    init(limit: Int = 10_000) { self.limit = limit }

    /// Looks at a message that came, and takes it in when it is new.
    mutating func see(_ id: String) -> Verdict {
        if let isDone = state[id] { return isDone ? .done : .inProgress }
        state[id] = false
        order.append(id)
        if order.count - first > limit {
            state[order[first]] = nil
            first += 1
            if first > limit {
                order.removeFirst(first)
                first = 0
            }
        }
        return .new
    }

    /// The handler has returned.
    mutating func finish(_ id: String) { if state[id] != nil { state[id] = true } }

    /// The handler has failed: the next offer is handed out again.
    mutating func forget(_ id: String) { state[id] = nil }
}
