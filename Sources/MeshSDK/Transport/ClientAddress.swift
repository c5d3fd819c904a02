import MeshCore
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Where a `ws://` or `http://` URL leads.
struct ClientAddress: Sendable, Equatable {
    var host: String
    var port: Int
    /// The path and query, at least `/`.
    var target: String
    /// Whether it speaks TLS.
    var isSecure: Bool
    /// SHA-256 of the only public key that the other end may show; nil trusts what the system trusts.
    var pin: [UInt8]?

    /// The value of the Host header.
    var hostHeader: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// Reads a URL. `scheme` is `ws` or `http`, or its TLS sister, whose address may begin with a pin: `https://PIN@HOST`,
    /// where PIN is SHA-256 of the certificate's public key, base64url. Everything else fails with `.address`.
    init(_ url: String, scheme: String) throws(TransportError) {
        do throws(IdentityError) {
            let (address, target) = try BrokerAddress.parse(url, scheme: scheme)
            self.init(address, target: target)
        } catch {
            throw TransportError(.address, error.message + ".")
        }
    }

    /// Reads the address of a broker, which has no path. Everything else fails with `.address`.
    init(broker: String) throws(TransportError) {
        do throws(IdentityError) { self.init(try BrokerAddress(parsing: broker), target: "/") } catch {
            throw TransportError(.address, error.message + ".")
        }
    }

    private init(_ address: BrokerAddress, target: String) {
        isSecure = address.isSecure
        pin = address.pin
        host = address.host
        port = address.port ?? (address.isSecure ? 443 : 80)
        self.target = target.hasPrefix("/") ? target : "/" + target
    }

    /// Opens a TCP connection without delay of small writes. Fails with `TransportError`.
    func connect(
        group: any EventLoopGroup, deadline: NIODeadline,
        configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws -> any Channel {
        let left = deadline - .now()
        let secure: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            channel.eventLoop.makeCompletedFuture {
                if isSecure { try channel.pipeline.syncOperations.addHandler(try tlsHandler()) }
            }.flatMap { configure(channel) }
        }
        do {
            return try await ClientBootstrap(group: group)
                .connectTimeout(max(left, .milliseconds(1)))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer(secure)
                .connect(host: host, port: port).get()
        } catch {
            throw Self.transportError(error, to: hostHeader)
        }
    }

    /// TLS for a new connection: checked against the pin alone when there is one, whatever name the certificate has, else
    /// against the system's authorities and the host's name.
    private func tlsHandler() throws -> NIOSSLClientHandler {
        let context = try Self.tlsContext(isPinned: pin != nil)
        let isIP = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        guard let pin else { return try NIOSSLClientHandler(context: context, serverHostname: isIP ? nil : host) }
        return try NIOSSLClientHandler(
            context: context, serverHostname: isIP ? nil : host,
            customVerificationCallback: { certificates, promise in
                let shown = (try? certificates.first?.extractPublicKey().toSPKIBytes()).map { Hashing.sha256($0) }
                promise.succeed(shown == pin ? .certificateVerified : .failed)
            })
    }

    private static let sharedContexts = Mutex<[Bool: NIOSSLContext]>([:])

    private static func tlsContext(isPinned: Bool) throws -> NIOSSLContext {
        try sharedContexts.withLock { known in
            if let made = known[isPinned] { return made }
            var settings = TLSConfiguration.makeClientConfiguration()
            settings.minimumTLSVersion = .tlsv12
            settings.applicationProtocols = ["http/1.1"]
            // The pin names the very key: a host's name in the certificate would add nothing to it.
            if isPinned { settings.certificateVerification = .noHostnameVerification }
            let made = try NIOSSLContext(configuration: settings)
            known[isPinned] = made
            return made
        }
    }

    /// Why a connection ended: a failed handshake of TLS is told as such.
    func ended(_ error: any Error) -> TransportError {
        if let known = error as? TransportError { return known }
        guard error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError else {
            return Self.closed(hostHeader, FaultWords.of(error))
        }
        guard Self.isRefusal(error) else {
            // It showed no certificate at all: that is another address, not another identity.
            return TransportError(
                .handshake,
                "\(hostHeader) does not speak TLS (1.2 or newer): the address of a broker without TLS begins with http:// (or ws://)."
            )
        }
        let why =
            pin == nil
            ? "its certificate is not trusted here: use the pinned address that meshd prints"
            : "it does not show the pinned key: somebody is in between, or the broker has a new key"
        return TransportError(.handshake, "\(hostHeader) is not who it should be: \(why).")
    }

    /// Whether the other end showed a certificate that was not accepted.
    private static func isRefusal(_ error: any Error) -> Bool {
        if error is NIOSSLExtraError { return true }
        if case NIOSSLError.noCertificateToValidate = error { return true }
        if case NIOSSLError.unableToValidateCertificate = error { return true }
        // The library gives the reason of a failed handshake as a text alone.
        return "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
    }

    /// The kind of a failure to connect.
    static func transportError(_ error: any Error, to peer: String) -> TransportError {
        if let known = error as? TransportError { return known }
        if let channel = error as? ChannelError, case .connectTimeout = channel { return timeout(peer) }
        if let failed = error as? NIOConnectionError {
            if failed.dnsAError != nil && failed.dnsAAAAError != nil {
                return TransportError(.address, "the host of \(peer) is not known: check the address")
            }
            let isTimeout = failed.connectionErrors.contains {
                if let inner = $0.error as? ChannelError, case .connectTimeout = inner { return true }
                return false
            }
            if isTimeout { return timeout(peer) }
        }
        if error is IOError || error is NIOConnectionError {
            return TransportError(.refused, "nothing answers at \(peer): \(FaultWords.of(error))")
        }
        return closed(peer, FaultWords.of(error))
    }

    static func closed(_ peer: String, _ detail: String) -> TransportError {
        TransportError(.closed, "the connection to \(peer) ended: \(detail)")
    }

    static func timeout(_ peer: String) -> TransportError {
        TransportError(.timeout, "\(peer) did not answer in time")
    }
}
