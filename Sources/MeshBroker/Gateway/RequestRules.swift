import MeshCore
import NIOHTTP1

/// What this node requires of a request beyond its syntax: the right host, the right origin, a whole upgrade.
struct RequestRules: Sendable {
    static let webSocketPath = "/ws"

    private let hosts: Set<String>
    private let origins: Set<String>

    /// - Parameter localAddress: the address the connection came in on; naming it is as good as naming the bound host.
    init(_ configuration: GatewayConfiguration, localAddress: String?) {
        var hosts = Set((configuration.allowedHosts + [configuration.host, "localhost"]).map { Self.hostName($0) })
        if let localAddress { hosts.insert(Self.hostName(localAddress)) }
        self.hosts = hosts
        origins = Set(configuration.allowedOrigins.map { Self.normalOrigin($0) })
    }

    /// Nil when the request is admitted. Protects against a web page of another site that calls this node: it can
    /// neither name a host of its own (DNS rebinding) nor write or open a socket from its own origin.
    func refusal(of head: HTTPRequestHead) -> HTTPRejection? {
        let named = head.headers["host"]
        guard named.count == 1, let header = named.first else {
            return HTTPRejection(
                status: 400, code: "bad_host", message: "A request needs exactly one Host header.",
                hint: "Send Host: HOST:PORT.")
        }
        let host = head.authority ?? header
        guard isAllowed(host: host) else {
            return HTTPRejection(
                status: 403, code: "bad_host", message: "This node does not serve the host that the request names.",
                hint: "Use localhost or the node's address, or add the name to the allowed hosts.")
        }
        let isRead = ["GET", "HEAD", "OPTIONS"].contains(head.method) && !head.isUpgrade
        if isRead || head.headers["origin"].allSatisfy({ isAllowed(origin: $0, host: host) }) { return nil }
        return HTTPRejection(
            status: 403, code: "bad_origin", message: "Pages of this origin may not use this node.",
            hint: "Open the page from the node itself, or add its origin to the allowed origins.")
    }

    private func isAllowed(host: String) -> Bool {
        let name = Self.hostName(host)
        return hosts.contains(name) || Self.isLoopback(name)
    }

    private func isAllowed(origin: String, host: String) -> Bool {
        let origin = Self.normalOrigin(origin)
        if origins.contains(origin) { return true }
        return ["http://", "https://"].contains { origin == Self.normalOrigin($0 + host) }
    }

    /// Whether an address is one of this machine's own: 127.0.0.0/8 or ::1, also mapped into IPv6.
    static func isLoopback(_ name: String) -> Bool {
        var name = name[...]
        if name == "::1" { return true }
        if name.lowercased().hasPrefix("::ffff:") { name = name.dropFirst(7) }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The name of an authority, lowercased, without port, brackets, and final dot.
    private static func hostName(_ authority: String) -> String {
        let text = authority.lowercased()
        if text.hasPrefix("[") {
            let inner = text.dropFirst().prefix { $0 != "]" }
            let rest = text.dropFirst(inner.count + 2)
            guard text.contains("]") else { return text }
            return rest.isEmpty || isPort(rest) ? String(inner) : text
        }
        guard let colon = text.firstIndex(of: ":") else { return dotless(text) }
        // More than one colon and no brackets: an IPv6 address as configured, never valid in a request.
        return isPort(text[colon...]) ? dotless(String(text[..<colon])) : text
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.hasPrefix(":") && text.dropFirst().utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }

    private static func dotless(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }

    private static func normalOrigin(_ text: String) -> String {
        var text = text.lowercased()
        if text.hasSuffix("/") { text.removeLast() }
        if text.hasPrefix("http://"), text.hasSuffix(":80") { text.removeLast(3) }
        if text.hasPrefix("https://"), text.hasSuffix(":443") { text.removeLast(4) }
        return text
    }

    /// The key of a complete upgrade request, or why it is none.
    func upgradeKey(_ head: HTTPRequestHead) -> Result<String, HTTPRejection> {
        guard head.method == "GET" else {
            return .failure(
                HTTPRejection(
                    status: 405, code: "bad_method", message: "A WebSocket begins with GET.", hint: "Use GET.",
                    headers: ["Allow": "GET"]))
        }
        guard head.isUpgrade, head.headers["sec-websocket-version"] == ["13"] else {
            return .failure(
                HTTPRejection(
                    status: 426, code: "upgrade_required",
                    message: "This path speaks WebSocket, version 13, and nothing else.",
                    hint: "Open it with a WebSocket client (RFC 6455).",
                    headers: ["Upgrade": "websocket", "Sec-WebSocket-Version": "13"]))
        }
        guard head.minorVersion == 1, head.framing == .length(0) else {
            return .failure(.badRequest("An upgrade is HTTP/1.1 and has no body."))
        }
        let keys = head.headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first, WebSocketHandshake.isKey(key) else {
            return .failure(
                .badRequest(
                    "Sec-WebSocket-Key is missing or is not 16 bytes in base64.",
                    hint: "Send 16 random bytes, base64-encoded."))
        }
        return .success(key)
    }

    /// The path with its percent codes decoded; nil when a code is broken, gives NUL, or the whole is not UTF-8.
    static func decodedPath(_ raw: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(raw.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard let high = hexDigit(rest.popFirst()), let low = hexDigit(rest.popFirst()) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8?) -> UInt8? {
        guard let byte else { return nil }
        switch byte {
        case 0x30...0x39: return byte - 0x30
        case 0x41...0x46: return byte - 0x37
        case 0x61...0x66: return byte - 0x57
        default: return nil
        }
    }
}
