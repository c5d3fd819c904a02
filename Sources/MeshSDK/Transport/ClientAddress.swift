import MeshCore
import NIOCore
import NIOPosix

/// Where a `ws://` or `http://` URL leads.
struct ClientAddress: Sendable, Equatable {
    var host: String
    var port: Int
    /// The path and query, at least `/`.
    var target: String

    /// The value of the Host header.
    var hostHeader: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

    /// Reads a URL. `scheme` is `ws` or `http`; its TLS sister fails with `.unsupported`, everything else with
    /// `.address`.
    init(_ url: String, scheme: String) throws(TransportError) {
        let lowered = url.lowercased()
        if lowered.hasPrefix(scheme + "s://") {
            throw TransportError(
                .unsupported,
                "\(scheme)s:// needs TLS, which this client does not speak: use \(scheme):// through a tunnel.")
        }
        let wrong = TransportError(.address, "\"\(url)\" is no address: give \(scheme)://HOST:PORT.")
        guard lowered.hasPrefix(scheme + "://") else { throw wrong }
        let rest = url.dropFirst(scheme.utf8.count + 3).prefix { $0 != "#" }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let path = String(rest[end...])
        target = path.hasPrefix("/") ? path : "/" + path
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw wrong }
        guard let (name, digits) = Self.split(rest[..<end]) else { throw wrong }
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x40 }) else { throw wrong }
        host = name
        guard let number = digits.map({ UInt16($0) }) ?? 80, number > 0 else { throw wrong }
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
        do {
            return try await ClientBootstrap(group: group)
                .connectTimeout(max(left, .milliseconds(1)))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer(configure)
                .connect(host: host, port: port).get()
        } catch {
            throw Self.transportError(error, to: hostHeader)
        }
    }

    /// The kind of a failure to connect.
    static func transportError(_ error: any Error, to peer: String) -> TransportError {
        if let known = error as? TransportError { return known }
        if let channel = error as? ChannelError, case .connectTimeout = channel { return timeout(peer) }
        if let failed = error as? NIOConnectionError {
            if failed.dnsAError != nil && failed.dnsAAAAError != nil {
                return TransportError(.address, "The host of \(peer) is not known: check the address.")
            }
            let isTimeout = failed.connectionErrors.contains {
                if let inner = $0.error as? ChannelError, case .connectTimeout = inner { return true }
                return false
            }
            if isTimeout { return timeout(peer) }
        }
        if error is IOError || error is NIOConnectionError {
            return TransportError(.refused, "Nothing answers at \(peer): is the broker running there? (\(error))")
        }
        return closed(peer, "\(error)")
    }

    static func closed(_ peer: String, _ detail: String) -> TransportError {
        TransportError(.closed, "The connection to \(peer) ended: \(detail).")
    }

    static func timeout(_ peer: String) -> TransportError {
        TransportError(.timeout, "\(peer) did not answer in time: check the address and the broker's load.")
    }
}
