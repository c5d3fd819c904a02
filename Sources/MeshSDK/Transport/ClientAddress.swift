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
    var isSecure = false
    /// SHA-256 of the only public key that the other end may show; nil trusts what the system trusts.
    var pin: [UInt8]?

    /// The value of the Host header.
    var hostHeader: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// Reads a URL. `scheme` is `ws` or `http`, or its TLS sister, whose address may begin with a pin: `https://PIN@HOST`,
    /// where PIN is SHA-256 of the certificate's public key, base64url. Everything else fails with `.address`.
    init(_ url: String, scheme: String) throws(TransportError) {
        let lowered = url.lowercased()
        let wrong = TransportError(
            .address, "\"\(url)\" is no address: give \(scheme)://HOST:PORT or \(scheme)s://HOST:PORT.")
        isSecure = lowered.hasPrefix(scheme + "s://")
        guard isSecure || lowered.hasPrefix(scheme + "://") else { throw wrong }
        var rest = url.dropFirst(scheme.utf8.count + (isSecure ? 4 : 3)).prefix { $0 != "#" }
        if isSecure, let mark = rest.prefix(while: { $0 != "/" && $0 != "?" }).firstIndex(of: "@") {
            guard let pin = Base64.decodeURL(String(rest[..<mark])), pin.count == 32 else {
                throw TransportError(
                    .address,
                    "\"\(rest[..<mark])\" is no pin: SHA-256 of the certificate's key, 43 characters base64url.")
            }
            self.pin = pin
            rest = rest[rest.index(after: mark)...]
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let path = String(rest[end...])
        target = path.hasPrefix("/") ? path : "/" + path
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw wrong }
        guard let (name, digits) = Self.split(rest[..<end]) else { throw wrong }
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x40 }) else { throw wrong }
        host = name
        guard let number = digits.map({ UInt16($0) }) ?? (isSecure ? 443 : 80), number > 0 else { throw wrong }
        port = Int(number)
    }

    private static func split(_ authority: Substring) -> (name: String, port: Substring?)? {
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            let after = authority[authority.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else { return nil }
            return (String(authority.dropFirst().prefix { $0 != "]" }), after.isEmpty ? nil : after.dropFirst())
        }
        guard let colon = authority.lastIndex(of: ":") else { return (String(authority), nil) }
        guard !authority[..<colon].contains(":") else { return nil }
        return (String(authority[..<colon]), authority[authority.index(after: colon)...])
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

    /// TLS for a new connection: checked against the pin when there is one, else against the system's authorities and
    /// the host's name.
    private func tlsHandler() throws -> NIOSSLClientHandler {
        let context = try Self.tlsContext()
        let isIP = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        guard let pin else { return try NIOSSLClientHandler(context: context, serverHostname: isIP ? nil : host) }
        return try NIOSSLClientHandler(
            context: context, serverHostname: isIP ? nil : host,
            customVerificationCallback: { certificates, promise in
                let shown = (try? certificates.first?.extractPublicKey().toSPKIBytes()).map { Hashing.sha256($0) }
                promise.succeed(shown == pin ? .certificateVerified : .failed)
            })
    }

    private static let sharedContext = Mutex<NIOSSLContext?>(nil)

    private static func tlsContext() throws -> NIOSSLContext {
        try sharedContext.withLock { known in
            if let known { return known }
            var settings = TLSConfiguration.makeClientConfiguration()
            settings.minimumTLSVersion = .tlsv12
            settings.applicationProtocols = ["http/1.1"]
            let made = try NIOSSLContext(configuration: settings)
            known = made
            return made
        }
    }

    /// Why a connection ended: a failed handshake of TLS is told as such.
    func ended(_ error: any Error) -> TransportError {
        if let known = error as? TransportError { return known }
        guard error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError else {
            return Self.closed(hostHeader, FaultWords.of(error))
        }
        let why =
            pin == nil
            ? "its certificate is not trusted here, or it does not speak TLS: use the pinned address that meshd prints"
            : "it does not show the pinned key: somebody is in between, or the broker has a new key"
        return TransportError(.handshake, "\(hostHeader) is not who it should be: \(why).")
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
