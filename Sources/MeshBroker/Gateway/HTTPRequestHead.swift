import NIOHTTP1

/// How the body of a request is delimited.
enum HTTPBodyFraming: Equatable {
    case length(Int), chunked
}

/// The head of a request, checked against RFC 9112 but not yet against this node's rules.
struct HTTPRequestHead {
    var method: String
    /// The target's path, as sent.
    var rawPath: String
    var query: String?
    /// The authority of a target in absolute form, which then replaces the Host header.
    var authority: String?
    var minorVersion: Int
    var headers: HTTPHeaders
    var framing: HTTPBodyFraming

    /// Whether the connection may continue after the answer.
    var keepAlive: Bool {
        let tokens = tokens(of: "connection")
        return minorVersion == 1 ? !tokens.contains("close") : tokens.contains("keep-alive")
    }

    /// Whether the client waits for 100 before it sends the body.
    var expectsContinue: Bool {
        minorVersion == 1 && framing != .length(0) && tokens(of: "expect").contains("100-continue")
    }

    /// Whether this asks for a WebSocket.
    var isUpgrade: Bool { tokens(of: "upgrade").contains("websocket") && tokens(of: "connection").contains("upgrade") }

    /// The comma-separated tokens of a header, lowercased.
    func tokens(of name: String) -> [String] {
        headers[name].flatMap { $0.split(separator: ",") }.map { trimmed($0).lowercased() }
    }

    private func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}

/// Parses a head whose lines are already found.
enum HTTPHeadReader {
    typealias Bytes = Slice<UnsafeRawBufferPointer>

    /// - Parameter lines: the request line and the header lines, without their line ends.
    static func read(_ lines: [Bytes], limits: GatewayConfiguration) throws(HTTPRejection) -> HTTPRequestHead {
        guard let first = lines.first else { throw .badRequest("The request line is missing.") }
        let parts = first.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(isToken) else {
            throw .badRequest("The request line is not METHOD TARGET VERSION.")
        }
        let minorVersion = try version(text(parts[2]))
        guard parts[1].count <= limits.maxTargetBytes else { throw .targetTooLong(limits.maxTargetBytes) }
        guard !parts[1].isEmpty, parts[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .badRequest("The request target holds bytes that must be percent-encoded.")
        }
        var headers = HTTPHeaders()
        for line in lines.dropFirst() {
            let (name, value) = try field(line)
            headers.add(name: name, value: value)
        }
        let target = try target(text(parts[1]), method: text(parts[0]))
        return HTTPRequestHead(
            method: text(parts[0]), rawPath: target.path, query: target.query, authority: target.authority,
            minorVersion: minorVersion, headers: headers,
            framing: try framing(headers, minorVersion: minorVersion, limits: limits))
    }

    private static func version(_ text: String) throws(HTTPRejection) -> Int {
        switch text {
        case "HTTP/1.1": return 1
        case "HTTP/1.0": return 0
        default: break
        }
        guard text.hasPrefix("HTTP/"), text.utf8.count == 8 else {
            throw .badRequest("The request line does not end in an HTTP version.")
        }
        throw HTTPRejection(
            status: 505, code: "bad_version", message: "This version of HTTP is not spoken here.", hint: "Use HTTP/1.1."
        )
    }

    private static func target(
        _ text: String, method: String
    ) throws(HTTPRejection) -> (path: String, query: String?, authority: String?) {
        var rest = text[...]
        var authority: String?
        let lowered = text.lowercased()
        if let scheme = ["http://", "https://"].first(where: { lowered.hasPrefix($0) }) {
            rest = rest.dropFirst(scheme.count)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            authority = String(rest[..<end])
            rest = rest[end...]
            if !rest.hasPrefix("/") { rest = "/" + rest }
        }
        guard rest.hasPrefix("/") || (text == "*" && method == "OPTIONS"), !rest.contains("#") else {
            throw .badRequest("The request target is not a path.", hint: "Begin the target with a slash.")
        }
        guard let mark = rest.firstIndex(of: "?") else { return (String(rest), nil, authority) }
        return (String(rest[..<mark]), String(rest[rest.index(after: mark)...]), authority)
    }

    private static func field(_ line: Bytes) throws(HTTPRejection) -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex, line[..<colon].allSatisfy(isToken) else {
            throw .badRequest("A header line is not NAME: VALUE.")
        }
        var value = line[line.index(after: colon)...]
        while let byte = value.first, byte == 0x20 || byte == 0x09 { value = value.dropFirst() }
        while let byte = value.last, byte == 0x20 || byte == 0x09 { value = value.dropLast() }
        guard value.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
            throw .badRequest("A header value holds a control character.")
        }
        return (text(line[..<colon]), text(value))
    }

    /// RFC 9112 section 6.3, without its leniencies: a body framed in two ways is refused.
    private static func framing(
        _ headers: HTTPHeaders, minorVersion: Int, limits: GatewayConfiguration
    ) throws(HTTPRejection) -> HTTPBodyFraming {
        let lengths = headers["content-length"].flatMap {
            $0.split(separator: ",", omittingEmptySubsequences: false).map { $0.filter { $0 != " " && $0 != "\t" } }
        }
        let encodings = headers["transfer-encoding"]
        if !encodings.isEmpty {
            guard lengths.isEmpty else { throw .badRequest("Content-Length stands beside Transfer-Encoding.") }
            guard minorVersion == 1 else { throw .badRequest("Transfer-Encoding needs HTTP/1.1.") }
            guard encodings.count == 1, encodings[0].lowercased() == "chunked" else {
                throw HTTPRejection(
                    status: 501, code: "bad_encoding", message: "This Transfer-Encoding is not taken.",
                    hint: "Use chunked, or Content-Length.")
            }
            return .chunked
        }
        guard let first = lengths.first else { return .length(0) }
        guard lengths.allSatisfy({ $0 == first }) else { throw .badRequest("Two Content-Lengths differ.") }
        guard !first.isEmpty, first.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            throw .badRequest("Content-Length is not a number.")
        }
        guard let length = Int(first), length <= limits.maxBodyBytes else { throw .bodyTooLarge(limits.maxBodyBytes) }
        return .length(length)
    }

    private static func text(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The characters of RFC 9110 section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}
