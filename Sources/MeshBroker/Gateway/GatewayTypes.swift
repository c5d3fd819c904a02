package import MeshCore
package import NIOCore
package import NIOHTTP1

/// The user of a WebSocket connection. All calls come on the connection's event loop.
package protocol FrameHandler: AnyObject {
    /// The upgrade is done; the socket can be written from here on.
    func opened(_ socket: FrameSocket)
    /// One complete message, valid UTF-8. The bytes are invalid after the call.
    func text(_ bytes: UnsafeRawBufferPointer)
    /// One complete binary message, where the gateway accepts them. The bytes are invalid after the call.
    func binary(_ bytes: UnsafeRawBufferPointer)
    /// The peer's answer to a ping.
    func pong(_ payload: [UInt8])
    /// No more messages for the moment: what was written is flushed after this call.
    func readComplete()
    /// The end, once, and why: the peer's close frame, or the rule that ended it; nil when the connection was lost.
    func closed(_ reason: CloseReason?)
}

extension FrameHandler {
    package func binary(_ bytes: UnsafeRawBufferPointer) {}
}

/// Where a gateway listens and what it admits.
package struct GatewayConfiguration: Sendable {
    /// The address or name to bind.
    package var host: String
    /// The port, 0 for any free one.
    package var port: Int
    /// The limit of a WebSocket message, in bytes, fragments summed.
    package var maxFrameBytes = 1 << 20
    /// The same limit before the socket's user has identified the peer (`FrameSocket.admit`).
    package var maxFrameBytesBeforeHello = 16_384
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
    /// Pings a peer may send per second, and unsolicited pongs.
    package var pingsPerSecond = 100
    /// Bytes of all request bodies together that are being received; beyond it large ones are answered 503.
    package var maxBodyBytesInAll = 64 << 20
    /// Unidentified connections at once; beyond it the oldest of them is ended.
    package var maxStrangers = 5_000
    /// Unsent bytes of one WebSocket before it is closed as a slow consumer.
    package var maxBufferedBytes = 8 << 20
    /// Host names that requests may use besides this machine's.
    package var allowedHosts: [String] = []
    /// Origins of browsers that may connect besides the gateway's own, for example `https://mesh.example`.
    package var allowedOrigins: [String] = []
    /// Connections at once; further ones are answered 503.
    package var maxConnections = 20_000

    /// A configuration with the limits as stated.
    package init(host: String = "127.0.0.1", port: Int = 0) {
        self.host = host
        self.port = port
    }
}

/// What a gateway itself refuses or ends, for counting.
package enum GatewayRefusal: String, Sendable, CaseIterable {
    case tooManyConnections = "too_many_connections"
    case tooManyStrangers = "too_many_strangers"
    case badRequest = "bad_request"
    case requestTimeout = "request_timeout"
    case bodyMemory = "body_memory"
    case pingFlood = "ping_flood"
    case pongFlood = "pong_flood"
    case tooManyFragments = "too_many_fragments"
    case frameTooLarge = "frame_too_large"
    case brokenFrame = "broken_frame"
    case slowConsumer = "slow_consumer"
    case slowMember = "slow_member"
}

/// A gateway's events; called on any event loop.
package struct GatewayObserver: Sendable {
    /// Something was refused or ended.
    package var refused: @Sendable (GatewayRefusal) -> Void
    /// No connection could be accepted, `times` in a row; the next try comes after this many milliseconds. Nil of
    /// `error`: accepting works again.
    package var acceptFailed: @Sendable (_ error: String?, _ times: Int, _ pauseMillis: Int64) -> Void

    package init(
        refused: @escaping @Sendable (GatewayRefusal) -> Void = { _ in },
        acceptFailed: @escaping @Sendable (_ error: String?, _ times: Int, _ pauseMillis: Int64) -> Void = { _, _, _ in
        }
    ) {
        self.refused = refused
        self.acceptFailed = acceptFailed
    }
}

/// One HTTP request, complete and validated.
package struct HTTPCall: Sendable {
    /// The method, in capitals as sent.
    package var method: String
    /// The path without query, percent-decoded: valid UTF-8 without NUL.
    package var path: String
    /// The path without query, as sent.
    package var rawPath: String
    /// The query, after the question mark, as sent.
    package var query: String?
    /// Path and query as sent: covered by signatures.
    package var target: String { query.map { "\(rawPath)?\($0)" } ?? rawPath }
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

/// One HTTP answer. The gateway adds length, date, connection and the like.
package struct HTTPAnswer: Sendable {
    /// The status code, 200 to 599.
    package var status: Int
    /// The media type of the body.
    package var contentType: String
    /// Further headers; line breaks in them are dropped.
    package var headers: [(String, String)]
    /// The body; not sent to HEAD.
    package var body: [UInt8]
    /// Held until the answer is sent, or never will be.
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
