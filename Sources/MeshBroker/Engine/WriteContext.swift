package import MeshCore
import MeshStore

/// The only thing that can change a mesh: passed to a write while it applies.
package final class WriteContext {
    /// The state, with the tables and the memory.
    package let state: EngineState
    /// The actor.
    package internal(set) var actor = Actor.node
    /// The requesting session and its member, as they were when the command began.
    var route: Route?
    /// What must be sent to whom, by all commands of the batch so far.
    package internal(set) var effects: [Effect] = []
    /// The approximate bytes that the commands of the batch so far send to others, and to their callers in refusals,
    /// beyond what one message for one recipient takes. The batch ends early when it is much, so that its author waits
    /// for the others.
    private(set) var spent = 0
    /// Whether the command has appended anything to the ledger.
    private(set) var recorded = 0
    private var entropy = Entropy(hex: String(repeating: "0", count: 64))
    private var drawn: UInt8 = 0
    /// The push of the message that is being fanned out, when it is the same for all.
    private var fanOut: (message: Int64, push: SharedPush)?

    init(state: EngineState) { self.state = state }

    /// Unix milliseconds: the batch's time, the only clock available.
    package var now: Int64 { state.now }

    /// Begins a batch.
    func beginBatch() {
        effects = []
        spent = 0
    }

    /// What timers send to others is not charged to the current caller.
    func forgetSpent() { spent = 0 }

    /// Counts bytes that are sent because of the command.
    func spend(_ bytes: Int) { spent += bytes }

    /// Begins a command.
    func begin(actor: Actor, entropy: Entropy?) {
        self.actor = actor
        self.entropy = entropy
        route = nil
        recorded = 0
        drawn = 0
        fanOut = nil
    }

    /// Caches one push for all recipients of a message whose body is the same for all.
    func shared(_ message: Int64, _ make: () -> (any Push)?) -> (any Push)? {
        if let fanOut, fanOut.message == message { return fanOut.push }
        guard let push = make() else { return nil }
        let shared = SharedPush(push)
        fanOut = (message, shared)
        return shared
    }

    /// The requesting session and member. Fails with `forbidden` for the node and the admin token, which are no member.
    package func caller() throws(MeshError) -> (session: Session, member: Member) {
        guard let identity = state.identity(of: actor) else {
            throw MeshError(.forbidden, "only a session of a member can do this")
        }
        return identity
    }

    /// 32 bytes that no one can guess and that every replay reproduces.
    package func randomBytes() -> [UInt8] {
        drawn &+= 1
        return Hashing.sha256((entropy?.bytes ?? []) + [drawn])
    }

    /// Appends an event to the ledger. Sensitive values belong in `commitments` as hashes, never in clear.
    package func record(
        _ kind: String, object: String? = nil, _ attributes: JSONObject = JSONObject(),
        commitments: [String: String] = [:]
    ) throws {
        recorded += 1
        let actorName =
            switch actor {
            case .node: "node"
            case .admin: "admin"
            case .session: state.identity(of: actor)?.member.keyHex ?? "unknown"
            }
        try state.ledger.append(
            kind: kind, actor: actorName, object: object, attributes: attributes, commitments: commitments,
            at: state.now)
    }

    /// Appends an actor's event from parts in canonical form: for frequent events.
    func record(
        _ kind: String, actor: String, object: String?, _ attributes: CanonicalObject,
        commitments: CanonicalObject = CanonicalObject()
    ) throws {
        recorded += 1
        try state.ledger.append(
            kind: kind, actor: actor, object: object, attributes: attributes, commitments: commitments, at: state.now)
    }

    /// Appends an entry; `write` writes all its bytes in canonical form: for what happens with every message.
    func record(memory: Int, _ write: (inout RawWriter, LedgerWriter.Place) -> Void) throws {
        recorded += 1
        try state.ledger.append(memory: memory, at: state.now, write)
    }

    /// Sends to one session, if it is connected.
    package func push(_ push: any Push, to session: SessionNumber) {
        if let connection = state.roster.sessions[session]?.attachment.connection {
            effects.append(.push(connection, push))
        }
    }

    /// Sends to every connected session that matches a condition, in the order of the roster.
    package func broadcast(_ push: any Push, where condition: (Session) -> Bool) {
        let push = SharedPush(push)
        for number in state.roster.sessionOrder {
            guard let session = state.roster.sessions[number], let connection = session.attachment.connection,
                condition(session)
            else { continue }
            effects.append(.push(connection, push))
            spend(Self.smallPush)
        }
    }

    /// The approximate size of a push without a body.
    static let smallPush = 512

    /// Ends a connection.
    package func close(_ connection: ConnectionID, _ reason: CloseReason) {
        effects.append(.close(connection, reason))
    }

    /// Arms a timer; its body runs in a batch at or after `due`.
    package func arm(_ kind: TimerKind, key: Int64, due: Int64) { state.timers.arm(kind, key: key, due: due) }

    /// The commitment that stands for a secret or private text in the ledger.
    package static func digest(_ bytes: [UInt8]) -> String { Hex.encode(Hashing.sha256(bytes)) }
}

/// What a read sees: committed state. It offers nothing that could change it.
package struct ReadView {
    let state: EngineState
    /// The actor.
    package let actor: Actor
    /// Counts the cost of the answer.
    package let meter: ReadMeter

    init(state: EngineState, actor: Actor, meter: ReadMeter = ReadMeter()) {
        self.state = state
        self.actor = actor
        self.meter = meter
    }

    /// Everyone known.
    package var roster: Roster { state.roster }
    /// The mesh's constant facts.
    package var facts: MeshFacts { state.facts }
    /// Unix milliseconds: the last batch's time or the caller's, whichever is later.
    package var now: Int64 { state.now }

    /// The requesting session and member.
    package func caller() throws(MeshError) -> (session: Session, member: Member) {
        guard let identity = state.identity(of: actor) else {
            throw MeshError(.forbidden, "only a session of a member can do this")
        }
        return identity
    }

    /// Rows of a query.
    func rows<Row>(_ sql: String, _ values: any Bindable..., map: (Statement) throws -> Row) throws -> [Row] {
        try state.database.prepare(sql).rows(values, map: map)
    }

    /// Rows of a query until `body` returns false.
    func each(_ sql: String, _ values: any Bindable..., body: (Statement) throws -> Bool) throws {
        try state.database.prepare(sql).each(values, body)
    }
}

/// What a watch sees: a read's view, and the means to subscribe its connection.
package struct WatchView {
    /// The committed state.
    package let view: ReadView
    let connection: ConnectionID

    /// Subscribes the connection to the keys of a channel that begin with a prefix, under a name of its own.
    package func subscribe(channel: String, prefix: String, name: String) throws(MeshError) {
        let session = try view.caller().session
        try view.state.subscriptions.add(
            .init(connection: connection, name: name, prefix: prefix), to: channel, by: session)
    }

    /// Ends a subscription; false when there was none.
    package func unsubscribe(channel: String, name: String) -> Bool {
        view.state.subscriptions.remove(name: name, of: connection, from: channel)
    }
}

extension WriteContext {
    /// Sends something of about this many bytes to one connection.
    package func push(_ push: any Push, to connection: ConnectionID, bytes: Int) {
        effects.append(.push(connection, push))
        spend(bytes)
    }
}
