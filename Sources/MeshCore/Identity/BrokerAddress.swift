/// The address of a broker: `http://HOST:PORT`, or `https://HOST:PORT` with or without the pin of its key before the
/// host. It is parsed once, by this rule, wherever an address is entered; `text` is what is stored and passed on.
public struct BrokerAddress: Sendable, Hashable, CustomStringConvertible {
    /// Whether it speaks TLS.
    public let isSecure: Bool
    /// SHA-256 of the only public key that the broker may present; nil trusts what the system trusts.
    public let pin: [UInt8]?
    /// The host in lower case, without the brackets of an IPv6 address.
    public let host: String
    /// The port, if the address has one.
    public let port: Int?

    /// Parses an address of a broker, as people write it: the scheme and the host in either case, one slash at the end.
    /// Fails with `malformed` for everything else; a path is refused, because no call would follow it.
    public init(parsing text: String) throws(IdentityError) {
        let (address, target) = try Self.parse(text, scheme: "http")
        guard target == "/" || target.isEmpty else {
            throw IdentityError(
                .malformed, "\"\(Self.shown(text))\" has a path: a broker's address ends with its port, like \(address)"
            )
        }
        self = address
    }

    /// Parses an address and what follows it, the path and the query. `scheme` is `http` or `ws`; the same with an `s`
    /// appended uses TLS.
    package static func parse(
        _ text: String, scheme: String
    ) throws(IdentityError) -> (address: BrokerAddress, target: String) {
        let text = Pasted.word(text)
        let wrong = IdentityError(
            .malformed,
            "\"\(shown(text))\" is no address of a broker: give \(scheme)://HOST:PORT or \(scheme)s://HOST:PORT")
        let lowered = text.lowercased()
        let isSecure = lowered.hasPrefix(scheme + "s://")
        guard isSecure || lowered.hasPrefix(scheme + "://") else { throw wrong }
        let rest = text.dropFirst(scheme.utf8.count + (isSecure ? 4 : 3))
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let target = String(rest[end...])
        guard !target.contains("#"), target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw wrong }
        var authority = rest[..<end]
        var pin: [UInt8]?
        if isSecure, let mark = authority.firstIndex(of: "@") {
            guard let bytes = Base64.decodeURL(String(authority[..<mark])), bytes.count == 32 else {
                throw IdentityError(
                    .malformed,
                    "\"\(shown(String(authority[..<mark])))\" is no pin: SHA-256 of the certificate's key, 43 characters base64url"
                )
            }
            pin = bytes
            authority = authority[authority.index(after: mark)...]
        }
        guard let (host, port) = split(authority) else { throw wrong }
        return (BrokerAddress(isSecure: isSecure, pin: pin, host: host.lowercased(), port: port), target)
    }

    /// Whether it is an address of this machine: `localhost`, 127.0.0.0/8 or `::1`, and no name that only begins like
    /// one.
    public var isThisMachine: Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let octets = parts.compactMap { part in
            part.allSatisfy { (0x30...0x39).contains($0) } ? UInt8(String(Substring(part))) : nil
        }
        return parts.count == 4 && octets.count == 4 && octets[0] == 127
    }

    private init(isSecure: Bool, pin: [UInt8]?, host: String, port: Int?) {
        self.isSecure = isSecure
        self.pin = pin
        self.host = host
        self.port = port
    }

    /// The host and the port of `host`, `host:port`, `[v6]` or `[v6]:port`; nil when it is none of them.
    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        var (name, digits) = (authority, Substring?.none)
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            name = authority[authority.index(after: authority.startIndex)..<bracket]
            let after = authority[authority.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else { return nil }
            digits = after.isEmpty ? nil : after.dropFirst()
            guard name.contains(":"), name.utf8.allSatisfy({ isHex($0) || $0 == 0x3A || $0 == 0x2E }) else {
                return nil
            }
        } else {
            if let colon = authority.firstIndex(of: ":") {
                name = authority[..<colon]
                digits = authority[authority.index(after: colon)...]
            }
            // Letters, digits, dots, hyphens and underscores.
            guard name.utf8.allSatisfy({ isAlphanumeric($0) || $0 == 0x2E || $0 == 0x2D || $0 == 0x5F }) else {
                return nil
            }
        }
        guard !name.isEmpty, name.utf8.count <= 253 else { return nil }
        guard let digits else { return (String(name), nil) }
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(digits), port > 0
        else { return nil }
        return (String(name), Int(port))
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }

    private static func shown(_ text: String) -> String { String(text.prefix(128)) }

    /// The address in its canonical form.
    public var text: String { (isSecure ? "https://" : "http://") + authority }

    /// The address of the broker's WebSocket.
    public var webSocketURL: String { (isSecure ? "wss://" : "ws://") + authority + "/ws" }

    private var authority: String {
        (pin.map { Base64.encodeURL($0) + "@" } ?? "") + (host.contains(":") ? "[\(host)]" : host)
            + (port.map { ":\($0)" } ?? "")
    }

    /// The address in its canonical form.
    public var description: String { text }
}
