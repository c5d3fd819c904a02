import Logging
public import MeshCore
import NIOCore

/// Serves a broker over HTTP and WebSocket on one port.
public final class BrokerServer: Sendable {
    /// Where and how to serve.
    public struct Configuration: Sendable {
        /// The address to listen on.
        public var host = "127.0.0.1"
        /// The port; 0 takes a free one.
        public var port = 7900
        /// A PEM file with the certificate chain; with it and its key the server speaks only TLS.
        public var tlsCertificate: String?
        /// A PEM file with the certificate's private key.
        public var tlsKey: String?
        /// Connections in all.
        public var maximumConnections = 20_000
        /// Further host names that requests may use.
        public var allowedHosts: [String] = []
        /// Origins of web pages that may connect.
        public var allowedOrigins: [String] = []
        /// Whether only programs on this machine can reach the address: 127.0.0.0/8, ::1 or `localhost`.
        public var isThisMachineOnly: Bool {
            let host = host.lowercased()
            return host == "localhost" || RequestRules.isLoopback(host)
        }
        /// The defaults.
        public init() {}
    }

    private let gateway: GatewayServer
    private let address: (host: String, port: Int)
    private let broker: Broker
    private let identity: TLSIdentity?

    /// SHA-256 of the public key that TLS presents, base64url: what clients pin. Nil without TLS.
    public var tlsPin: String? { identity?.pin }

    /// Makes a server; `start` listens. Fails when the certificate or its key cannot be used.
    public init(broker: Broker, configuration: Configuration) throws(MeshError) {
        var gateway = GatewayConfiguration(host: configuration.host, port: configuration.port)
        gateway.maxConnections = configuration.maximumConnections
        gateway.allowedHosts = configuration.allowedHosts
        gateway.allowedOrigins = configuration.allowedOrigins
        self.broker = broker
        address = (configuration.host, configuration.port)
        let node = broker.node
        identity = try Self.identity(configuration, node)
        self.gateway = GatewayServer(
            configuration: gateway, group: node.ioGroup, responder: BrokerResponder(node: node), identity: identity,
            observer: Self.observer(of: node), makeHandler: { _ in SocketBridge(node: node) })
    }

    private static func observer(of node: BrokerNode) -> GatewayObserver {
        let (metrics, logger) = (node.metrics, node.logger)
        return GatewayObserver(
            refused: { refusal in
                metrics.gatewayRefused(refusal)
                if refusal == .slowConsumer || refusal == .slowMember { metrics.slowConsumer() }
            },
            acceptFailed: { error, times, pause in
                guard let error else { return logger.notice("connections are accepted again") }
                metrics.acceptFailed()
                // The pause grows to a second: one line at the start, and one a minute.
                guard times == 1 || times % 60 == 0 else { return }
                logger.warning(
                    "no connection can be accepted: it is tried again",
                    metadata: ["error": "\(error)", "times": "\(times)", "pause_ms": "\(pause)"])
            })
    }

    private static func identity(_ configuration: Configuration, _ node: BrokerNode) throws(MeshError) -> TLSIdentity? {
        switch (configuration.tlsCertificate, configuration.tlsKey) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            let (clock, logger) = (node.clock, node.logger)
            return try TLSIdentity(certificate: certificate, key: key, monotonicMillis: clock.monotonicMillis) {
                logger.error(
                    "the changed certificate cannot be used; the old one goes on", metadata: ["error": "\($0)"])
            }
        default:
            throw .argument("tlsCertificate", "a certificate and its key go together: set tlsKey, too")
        }
    }

    /// Reads the certificate and its key again, changed or not: does nothing without TLS. Fails with what is wrong with
    /// which file; the old ones then stay in use.
    public func reloadCertificate() throws(MeshError) { try identity?.reload() }

    /// Listens. Returns the port. Fails with `busy` when the address is taken, by another broker if it is one, with
    /// `invalid_argument` when it cannot be listened on.
    public func start() async throws(MeshError) -> Int {
        do {
            return try await gateway.start().port ?? 0
        } catch {
            throw await ListenFailure.describe(error, host: address.host, port: address.port, broker.node.ioGroup)
        }
    }

    /// Accepts no more connections, sends 1001 to sockets, lets answers finish.
    public func stop(withinSeconds seconds: Int) async {
        await gateway.stopAccepting()
        await gateway.shutdown(reason: .goingAway, withinSeconds: seconds)
    }
}

/// Connects a socket of the gateway to a connection of the node. Confined to the socket's loop.
final class SocketBridge: FrameHandler, FrameSink {
    private let node: BrokerNode
    private var socket: FrameSocket?
    private var connection: PeerConnection?

    init(node: BrokerNode) { self.node = node }

    // MARK: From the socket

    func opened(_ socket: FrameSocket) {
        self.socket = socket
        connection = node.connect(self, on: socket.eventLoop)
    }
    func text(_ bytes: UnsafeRawBufferPointer) { connection?.text(bytes) }
    func pong(_ payload: [UInt8]) { connection?.pong(payload) }
    func readComplete() { connection?.readComplete() }
    func closed(_ reason: CloseReason?) {
        // 1005: a close frame without a code, as most programs send it. A broken connection gives no reason at all.
        let saidGoodbye = [1_000, 1_001, 1_005].contains(reason?.code)
        connection?.closed(saidGoodbye: saidGoodbye)
        connection = nil
        socket = nil
    }

    // MARK: To the socket

    var isLoopback: Bool { socket?.isLoopback ?? true }
    func write(_ frame: [UInt8]) { socket?.write(frame) }
    func write(_ frame: [UInt8], holding lease: AnswerLease) { socket?.write(frame, holding: lease) }
    func flush() { socket?.flush() }
    func ping(_ payload: [UInt8]) { socket?.ping(payload) }
    func close(_ reason: CloseReason) { socket?.close(reason) }
    func pauseReading() { socket?.pauseReading() }
    func resumeReading() { socket?.resumeReading() }
    var remoteAddress: String { socket?.remoteAddress?.ipAddress ?? "local" }
    func heardHello() { socket?.heardHello() }
    func admit(_ unsent: UnsentBytes) { socket?.admit(unsent) }
}
