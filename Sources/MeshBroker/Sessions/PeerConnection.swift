package import MeshCore
package import MeshEngine
package import NIOCore

/// One connection of a peer, as the writer and the gateway refer to it. Its state never leaves its event loop.
package final class PeerConnection: Sendable {
    /// Numbered by the node.
    package let id: ConnectionID
    /// The connection's event loop.
    package let loop: any EventLoop
    /// Where writers put their output.
    let post: LoopPost
    private let session: NIOLoopBoundBox<ConnectionHandler>

    /// Makes a connection; must be called on its loop.
    package init(id: ConnectionID, loop: any EventLoop, sink: any FrameSink, node: any ConnectionHost) {
        self.id = id
        self.loop = loop
        post = node.post(of: loop)
        let state = ConnectionHandler(id: id, sink: sink, host: node)
        session = NIOLoopBoundBox(state, eventLoop: loop)
        state.connection = self
        state.opened(on: loop)
    }

    /// Handles a text frame.
    package func text(_ bytes: UnsafeRawBufferPointer) { session.value.text(bytes) }
    /// Handles the end of a burst of frames.
    package func readComplete() { session.value.readComplete() }
    /// Handles a pong.
    package func pong(_ payload: [UInt8]) { session.value.pong(payload) }
    /// Handles the end of the connection; `saidGoodbye` when its client closed it cleanly.
    package func closed(saidGoodbye: Bool = false) { session.value.closed(saidGoodbye: saidGoodbye) }
    /// Closes the connection cleanly.
    package func close(_ reason: CloseReason) { session.value.end(reason) }

    /// Closes the connection cleanly if it is connected to this mesh.
    package func close(_ reason: CloseReason, ifIn meshID: String) {
        if session.value.meshID == meshID { session.value.end(reason) }
    }

    /// Takes output of a mesh's writer; true when it is the first since the last flush.
    func deliver(_ item: BatchOutput.Item) -> Bool { session.value.deliver(item) }
    /// Sends what was handed over.
    func flush() { session.value.flush() }
}

/// What a connection needs of its node.
package protocol ConnectionHost: Sendable {
    /// Unix milliseconds.
    func nowMillis() -> Int64
    /// The sequencer of a mesh; nil when the node has no such mesh.
    func sequencer(of meshID: String) -> (any Sequencer)?
    /// What to answer when there is no sequencer but the mesh may exist; nil when the node has no such mesh.
    func stopped(_ meshID: String) -> MeshError?
    /// A hello was refused. `key` is the member key that it named.
    func refused(hello error: MeshError, key: String?, from address: String)
    /// Drops a connection that a mesh's writer knows but that has no session.
    func forget(_ connection: ConnectionID, meshID: String)
    /// Where writers put their output on a loop.
    func post(of loop: any EventLoop) -> LoopPost
    /// The members that are connected to the node.
    var lines: MemberLines { get }
    /// Called once when the connection has ended.
    func ended(_ connection: PeerConnection)
    var authenticator: Authenticator { get }
    var table: CapabilityTable { get }
    var metrics: BrokerMetrics { get }
    var limits: ConnectionLimits { get }
    var memberConnections: MemberConnections { get }
}

extension ConnectionHost {
    package func stopped(_ meshID: String) -> MeshError? { nil }
    package var lines: MemberLines { MemberLines() }
    package func post(of loop: any EventLoop) -> LoopPost { LoopPost(loop) }
    package func refused(hello error: MeshError, key: String?, from address: String) {}
}

/// The limits of one connection.
package struct ConnectionLimits: Sendable {
    /// Unanswered requests before reading stops.
    package var unansweredRequests = 256
    /// Their bytes before reading stops.
    package var unansweredBytes = 1 << 20
    /// Faulty frames before the connection ends.
    package var strikes = 32
    /// Time for the first frame, in seconds.
    package var helloSeconds: Int64 = 10
    /// Between two pings, in seconds.
    package var pingSeconds: Int64 = 30
    /// Silence before the connection is cut, in seconds.
    package var silenceSeconds: Int64 = 75
    /// Sends per second of a connection that is not local; nil sets no limit.
    package var sendsPerSecond: Int? = 100
    /// Sends at once of a connection that is not local.
    package var sendBurst = 200
    package init() {}
}
