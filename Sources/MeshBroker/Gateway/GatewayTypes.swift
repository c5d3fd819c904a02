package import MeshCore
package import NIOCore
package import NIOHTTP1

/// What a WebSocket connection's user does with it. All calls come on the connection's event loop.
package protocol FrameHandler: AnyObject {
    /// The upgrade is done; the socket can be written from here on.
    func opened(_ socket: FrameSocket)
    /// One complete message, valid UTF-8. The bytes are gone after the call.
    func text(_ bytes: UnsafeRawBufferPointer)
    /// One complete binary message, where the gateway takes them. The bytes are gone after the call.
    func binary(_ bytes: UnsafeRawBufferPointer)
    /// The peer's answer to a ping.
    func pong(_ payload: [UInt8])
    /// No more messages for the moment: what was written is flushed after this call.
    func readComplete()
    /// The end, once, and why: the peer's close frame, or the rule that ended it; nil when the line just went away.
    func closed(_ reason: CloseReason?)
}

extension FrameHandler {
    package func binary(_ bytes: UnsafeRawBufferPointer) {}
}

/// Where a gateway listens and what it lets in.
package struct GatewayConfiguration: Sendable {
    /// The address or name to bind.
    package var host: String
    /// The port, 0 for any free one.
    package var port: Int
    /// The limit of a WebSocket message, in bytes, fragments summed.
    package var maxFrameBytes = 1 << 20
    /// Whether binary messages may hold anything. Otherwise one that is UTF-8 counts as text, and any other ends the
    /// connection with 1003.
    package var takesBinary = false
    /// The limit of a request's head, in bytes.
    package var maxHeaderBytes = 16_384
    /// The limit of a request's target, in bytes.
    package var maxTargetBytes = 8_192
    /// The limit of a request's body, in bytes.
    package var maxBodyBytes = 1 << 20
    /// The time a request may take to arrive, from its first byte to its last.
    package var requestTimeoutSeconds = 10
    /// The time a kept-alive connection may wait for its next request.
    package var idleSeconds = 75
    /// Pings a peer may send per second.
    package var pingsPerSecond = 100
    /// Bytes that may wait unsent on one WebSocket before it is closed as a slow consumer.
    package var maxBufferedBytes = 8 << 20
    /// Host names that requests may name besides this machine's.
    package var allowedHosts: [String] = []
    /// Origins of browsers that may connect besides the gateway's own, like `https://mesh.example`.
    package var allowedOrigins: [String] = []
    /// Connections at once; the next ones are answered 503.
    package var maxConnections = 20_000

    /// A configuration with the limits as stated.
    package init(host: String = "127.0.0.1", port: Int = 0) {
        self.host = host
        self.port = port
    }
}

/// One HTTP request, complete and checked.
package struct HTTPCall: Sendable {
    /// The method, in capitals as sent.
    package var method: String
    /// The path without query, percent-decoded: valid UTF-8 without NUL.
    package var path: String
    /// The path without query, as sent.
    package var rawPath: String
    /// What follows the question mark, as sent.
    package var query: String?
    /// The headers, in order.
    package var headers: HTTPHeaders
    /// The body, whole.
    package var body: [UInt8]
    /// Whether the caller is on this machine.
    package var isLoopback: Bool
    /// The caller's IP address.
    package var remoteAddress: String

    /// Makes a call, as the gateway or a test does.
    package init(
        method: String, path: String, rawPath: String, query: String? = nil, headers: HTTPHeaders = [:],
        body: [UInt8] = [], isLoopback: Bool = true, remoteAddress: String = "127.0.0.1"
    ) {
        self.method = method
        self.path = path
        self.rawPath = rawPath
        self.query = query
        self.headers = headers
        self.body = body
        self.isLoopback = isLoopback
        self.remoteAddress = remoteAddress
    }
}

/// One HTTP answer. Length, date of connection and the like are the gateway's business.
package struct HTTPAnswer: Sendable {
    /// The status code, 200 to 599.
    package var status: Int
    /// The media type of the body.
    package var contentType: String
    /// Further headers; line breaks in them are dropped.
    package var headers: [(String, String)]
    /// The body; not sent to HEAD.
    package var body: [UInt8]
    /// Kept until the answer has left, or never will.
    package var lease: AnswerLease?

    /// Makes an answer.
    package init(status: Int, contentType: String, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }
}

/// Answers HTTP requests.
package protocol HTTPResponder: Sendable {
    /// The answer, on `loop` or any other; a failed future is answered 500.
    func respond(to call: HTTPCall, on loop: any EventLoop) -> EventLoopFuture<HTTPAnswer>
}
