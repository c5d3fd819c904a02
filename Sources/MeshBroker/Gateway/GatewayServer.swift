package import MeshCore
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Listens for HTTP and WebSocket connections.
package final class GatewayServer: Sendable {
    private struct State {
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var stopReason: CloseReason?
        var strangers: Strangers<any Channel>
        var nextNumber: UInt64 = 1
    }

    private let configuration: GatewayConfiguration
    private let group: any EventLoopGroup
    private let responder: any HTTPResponder
    private let makeHandler: @Sendable (any EventLoop) -> any FrameHandler
    private let identity: TLSIdentity?
    private let observer: GatewayObserver
    private let bodies: BodyMemory
    private let state: Mutex<State>

    /// - Parameters:
    ///   - responder: answers the HTTP requests.
    ///   - identity: the certificate of TLS; nil serves plain text.
    ///   - observer: is notified of refusals.
    ///   - makeHandler: makes the user of one WebSocket connection, on that connection's event loop.
    package init(
        configuration: GatewayConfiguration, group: any EventLoopGroup, responder: any HTTPResponder,
        identity: TLSIdentity? = nil, observer: GatewayObserver = GatewayObserver(),
        makeHandler: @escaping @Sendable (any EventLoop) -> any FrameHandler
    ) {
        self.configuration = configuration
        self.group = group
        self.responder = responder
        self.makeHandler = makeHandler
        self.identity = identity
        self.observer = observer
        bodies = BodyMemory(limit: configuration.maxBodyBytesInAll)
        state = Mutex(State(strangers: Strangers(limit: configuration.maxStrangers)))
    }

    /// Open connections, WebSocket and HTTP.
    package var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Binds and starts accepting; returns the bound address. Fails with the system's error, for example when the port
    /// is taken.
    package func start() async throws -> SocketAddress {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [observer] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(observer: observer))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Small, until the peer has identified itself.
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1_024, maximum: 8_192)
            )
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [self] channel in
                let (isOverLimit, number) = register(channel)
                return channel.eventLoop.makeCompletedFuture {
                    if let identity {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLServerHandler(context: identity.context()))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        GatewayConnection(
                            configuration: configuration, responder: responder, makeHandler: makeHandler,
                            isOverLimit: isOverLimit, bodies: bodies, observer: observer,
                            admitted: { [weak self] in self?.state.withLock { $0.strangers.remove(number) } }))
                }
            }
        let listener = try await bootstrap.bind(host: configuration.host, port: configuration.port).get()
        guard let address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
        state.withLock { $0.listener = listener }
        return address
    }

    /// Registers a connection, under a number of its own; `isOverLimit` when there are too many, or the server stops.
    private func register(_ channel: any Channel) -> (isOverLimit: Bool, number: UInt64) {
        let id = ObjectIdentifier(channel)
        let (isOverLimit, number, oldest) = state.withLock { state in
            state.connections[id] = channel
            let number = state.nextNumber
            state.nextNumber += 1
            let oldest = state.strangers.add(channel, number: number)
            return (state.connections.count > configuration.maxConnections || state.stopReason != nil, number, oldest)
        }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { state in
                _ = state.connections.removeValue(forKey: id)
                state.strangers.remove(number)
            }
        }
        if let oldest {
            observer.refused(.tooManyStrangers)
            oldest.pipeline.fireUserInboundEventTriggered(GatewayEvent.makeRoom)
        }
        return (isOverLimit, number)
    }

    /// Closes the listening socket; connections stay open.
    package func stopAccepting() async {
        let listener = state.withLock { state in
            defer { state.listener = nil }
            return state.listener
        }
        try? await listener?.close().get()
    }

    /// Stops accepting, sends `reason` to the WebSockets, lets running HTTP requests be answered, and returns when all
    /// connections are closed. Those left after `withinSeconds` are cut.
    package func shutdown(reason: CloseReason, withinSeconds: Int) async {
        let connections = state.withLock { state in
            state.stopReason = reason
            return Array(state.connections.values)
        }
        await stopAccepting()
        for channel in connections {
            channel.pipeline.fireUserInboundEventTriggered(GatewayEvent.shutdown(reason))
        }
        let loop = group.next()
        let done = loop.makePromise(of: Void.self)
        let limit = loop.scheduleTask(in: .seconds(Int64(withinSeconds))) { [self] in
            for channel in state.withLock({ Array($0.connections.values) }) { channel.close(promise: nil) }
        }
        EventLoopFuture.andAllComplete(connections.map(\.closeFuture), on: loop).cascade(to: done)
        try? await done.futureResult.get()
        limit.cancel()
    }
}
