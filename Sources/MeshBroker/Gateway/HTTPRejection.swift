import NIOCore

/// A request that the gateway itself refuses.
struct HTTPRejection: Error, Equatable {
    var status: Int
    var code: String
    var message: String
    var hint: String
    /// Headers besides the usual ones, as `name: value` pairs.
    var headers: [String: String] = [:]
    /// Whether the connection ends with the answer: always, when the rest of the input cannot be parsed.
    var closes = true

    /// The answer: JSON in the form of all errors.
    var answer: HTTPAnswer {
        let text =
            #"{"error":{"code":\#(Self.quoted(code)),"message":\#(Self.quoted(message)),"hint":\#(Self.quoted(hint))}}"#
        return HTTPAnswer(
            status: status, contentType: "application/json",
            headers: headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, body: Array(text.utf8))
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension HTTPRejection {
    static func badRequest(_ message: String, hint: String = "Send a request that follows RFC 9112.") -> Self {
        HTTPRejection(status: 400, code: "bad_request", message: message, hint: hint)
    }
    static let timeout = HTTPRejection(
        status: 408, code: "request_timeout", message: "The request did not arrive in time.",
        hint: "Send the head and the body without long pauses.")
    static func bodyTooLarge(_ limit: Int) -> Self {
        HTTPRejection(
            status: 413, code: "body_too_large", message: "The body is larger than \(limit) bytes.",
            hint: "Send at most \(limit) bytes.")
    }
    static func targetTooLong(_ limit: Int) -> Self {
        HTTPRejection(
            status: 414, code: "target_too_long", message: "The request target is longer than \(limit) bytes.",
            hint: "Put long values into the body.")
    }
    static func headersTooLarge(_ limit: Int) -> Self {
        HTTPRejection(
            status: 431, code: "headers_too_large", message: "The request head is larger than \(limit) bytes.",
            hint: "Send fewer or shorter headers.")
    }
    static let overloaded = HTTPRejection(
        status: 503, code: "too_many_connections", message: "This node has as many connections as it takes.",
        hint: "Try again later.", headers: ["Retry-After": "5"])
    static let stopping = HTTPRejection(
        status: 503, code: "shutting_down", message: "This node is shutting down.",
        hint: "Try again in a moment.", headers: ["Retry-After": "1"])
    static let failed = HTTPRejection(
        status: 500, code: "internal", message: "The request failed inside the node.",
        hint: "Look at the node's log.", closes: false)
}

/// The wire form of answers.
enum HTTPAnswerWriter {
    /// Appends an answer. `bodiless` omits the body and keeps its length, for HEAD.
    static func append(_ answer: HTTPAnswer, keepAlive: Bool, bodiless: Bool, to buffer: inout ByteBuffer) {
        let hasLength = answer.status != 204 && answer.status != 304 && answer.status >= 200
        buffer.writeString("HTTP/1.1 \(answer.status) \(phrase(answer.status))\r\n")
        if hasLength {
            append("Content-Type", answer.contentType, to: &buffer)
            buffer.writeString("Content-Length: \(answer.body.count)\r\n")
        }
        for (name, value) in answer.headers where !managed.contains(name.lowercased()) {
            append(name, value, to: &buffer)
        }
        buffer.writeString(keepAlive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n")
        if hasLength, !bodiless { buffer.writeBytes(answer.body) }
    }

    private static let managed: Set<String> = ["connection", "content-length", "content-type", "transfer-encoding"]

    /// A header line; control characters would end it early, so they are dropped.
    private static func append(_ name: String, _ value: String, to buffer: inout ByteBuffer) {
        buffer.writeBytes(name.utf8.filter { $0 > 0x20 && $0 != 0x3A && $0 < 0x7F })
        buffer.writeString(": ")
        buffer.writeBytes(value.utf8.filter { $0 >= 0x20 && $0 != 0x7F })
        buffer.writeString("\r\n")
    }

    private static let phrases: [Int: String] = [
        200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found",
        304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
        405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 410: "Gone", 413: "Content Too Large",
        414: "URI Too Long", 415: "Unsupported Media Type", 422: "Unprocessable Content", 426: "Upgrade Required",
        429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
        501: "Not Implemented", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
        507: "Insufficient Storage",
    ]

    private static func phrase(_ status: Int) -> String { phrases[status] ?? "Status" }
}
