import MeshCore
public import MeshSDK
public import MeshSim

/// Plays a seat of a simulation over a mesh: joins, sees, acts, until the run is over.
///
/// ```swift
/// let peer = SimPeer(client: client, controller: "store")
/// let end = try await peer.play(SimJoin(role: "customer", mind: .coded)) { scene in
///     [LocalAgent.Move("move", ["zone": "checkout"])]
/// }
/// ```
public struct SimPeer: Sendable {
    /// How observations are acknowledged.
    public enum Acknowledgement: String, Sendable, Hashable, CaseIterable {
        /// Each one: the next is a delta.
        case each
        /// Each one, and the next must be full: for peers that keep no state.
        case whole
        /// None: each one is full, and a message is saved.
        case none
    }

    /// How observations are acknowledged.
    public var acknowledgement = Acknowledgement.each
    private let client: MeshClient
    private let controller: String

    /// A peer of a controller: its name in the mesh, its member key or its session key. A name is looked up once, when it
    /// plays; from then on the member's key says who the controller is.
    public init(client: MeshClient, controller: String) {
        self.client = client
        self.controller = controller
    }

    /// Takes a seat and plays it. Every observation is passed to `decide` as a full scene; its moves are sent.
    /// Returns the end. Fails when no seat is given, or the client ends.
    public func play(
        _ join: SimJoin, onResult: @Sendable (SimResult) -> Void = { _ in },
        decide: @Sendable (Scene) async throws -> [LocalAgent.Move]
    ) async throws -> SimEnd {
        let host = try await findController()
        func send(_ message: SimMessage) async throws { try await self.send(message, to: host) }
        try await send(.join(join))
        var view = ObservationView()
        var seat: SimWelcome?
        var sequence: Int64 = 0
        var sender: PublicKey?
        for await message in client.messages {
            // Any member may write to us; only the one we asked, then the one that welcomed us, is the controller.
            guard message.from.memberKey == host.member, let key = message.from.sessionKey ?? message.from.memberKey,
                key == sender ?? host.session ?? key
            else { continue }
            guard let incoming = try? SimMessage.parse(message.text) else { continue }
            switch incoming {
            case .welcome(let welcome):
                if seat?.generation != welcome.generation { sequence = 0 }
                seat = welcome
                sender = key
                view.reset()
            case .error(let fault) where seat == nil:
                throw SimError("\(controller) gives no seat: \(fault.message)")
            case .end(let end): return end
            case .result(let result): onResult(result)
            case .observation(let observation):
                guard let seat, observation.seat == seat.seat, observation.generation == seat.generation else {
                    continue
                }
                guard let scene = try await take(observation, &view, from: host) else { continue }
                let moves = try await decide(scene)
                if moves.isEmpty {
                    let pass = SimAck(
                        seat: seat.seat, generation: seat.generation, sequence: observation.sequence,
                        keyframe: acknowledgement == .each ? nil : true, passAfter: scene.tick)
                    try await send(.ack(pass))
                }
                for move in moves {
                    sequence += 1
                    let action = SimAction(
                        seat: seat.seat, generation: seat.generation, sequence: sequence, basedOn: scene.tick,
                        action: move.action, arguments: move.arguments, cost: move.cost)
                    try await send(.action(action))
                }
            default: break
            }
        }
        throw CancellationError()
    }

    /// The whole scene that an observation leads to, acknowledged; nil when it is old, or its base is missing: then a whole one
    /// is asked for.
    private func take(
        _ observation: SimObservation, _ view: inout ObservationView, from host: Host
    ) async throws -> Scene? {
        func ack(keyframe: Bool?) -> SimMessage {
            .ack(
                SimAck(
                    seat: observation.seat, generation: observation.generation, sequence: observation.sequence,
                    keyframe: keyframe))
        }
        do {
            guard case .applied = try view.apply(try Observation(json: observation.payload)) else { return nil }
        } catch is ObservationError {
            try await send(ack(keyframe: true), to: host)
            return nil
        }
        switch acknowledgement {
        case .each: try await send(ack(keyframe: nil), to: host)
        case .whole: try await send(ack(keyframe: true), to: host)
        case .none: break
        }
        return view.scene
    }

    /// The controller.
    private struct Host {
        var member: PublicKey
        /// The one session that was named; nil when the member was.
        var session: PublicKey?
    }

    /// Looks the controller up. Fails when it is not exactly one member.
    private func findController() async throws -> Host {
        let found = try await client.call(Resolve(targetSpec: TargetSpec([controller])))
        guard found.sealed, let first = found.recipients.first,
            found.recipients.allSatisfy({ $0.member == first.member })
        else { throw SimError("\(controller) is not one member: name the controller, or give its key") }
        let namesSession = controller.utf8.contains(UInt8(ascii: "/")) || first.session?.hex == controller
        return Host(member: first.member, session: namesSession ? first.session : nil)
    }

    private func send(_ message: SimMessage, to host: Host) async throws {
        var outgoing = Outgoing(to: (host.session ?? host.member).hex, text: try message.text())
        outgoing.priority = .now
        outgoing.ttlMillis = 120_000
        try await client.send(outgoing)
    }
}
