/// Why a connection ends: a WebSocket close code and a short text.
public struct CloseReason: Sendable, Hashable, CustomStringConvertible {
    /// The close code of RFC 6455, or one of ours from 4000 on.
    public var code: UInt16
    /// At most 123 bytes.
    public var reason: String

    /// Makes a reason; a longer text is cut between two characters.
    public init(code: UInt16, reason: String) {
        self.code = code
        var room = 123
        let kept = reason.unicodeScalars.prefix { scalar in
            room -= UTF8.width(scalar)
            return room >= 0
        }
        self.reason = String(String.UnicodeScalarView(kept))
    }

    /// 1000: normal closure.
    public static let normal = CloseReason(code: 1000, reason: "")
    /// 1001: the broker stops.
    public static let goingAway = CloseReason(code: 1001, reason: "shutting down")
    /// 1002: a protocol violation by the peer.
    public static func protocolError(_ text: String) -> CloseReason { CloseReason(code: 1002, reason: text) }
    /// 1007: a text that is not UTF-8.
    public static let invalidPayload = CloseReason(code: 1007, reason: "not UTF-8")
    /// 1008: a policy violation.
    public static func policy(_ text: String) -> CloseReason { CloseReason(code: 1008, reason: text) }
    /// 1009: too large.
    public static let tooBig = CloseReason(code: 1009, reason: "frame too large")

    /// 1008: a message in more fragments than allowed.
    public static let tooManyFragments = CloseReason.policy("too many fragments")

    /// The code and the text.
    public var description: String { reason.isEmpty ? "\(code)" : "\(code) \(reason)" }
}

/// The events of a connection.
public enum TransportEvent: Sendable {
    /// A text frame.
    case text([UInt8])
    /// No more frames for the moment: the end of a burst.
    case readComplete
    /// The answer to a ping.
    case pong([UInt8])
    /// The end, and its reason, if the other side gave one. Nothing follows.
    case closed(CloseReason?)
}

/// One connection as its user sees it: sends frames, receives frames, closes with a reason.
public protocol Transport: Sendable {
    /// Starts delivering events: in order, never concurrently. Called once.
    func start(_ handler: @escaping @Sendable (TransportEvent) -> Void)
    /// Sends text frames in order, with one flush for all of them.
    func send(_ frames: [[UInt8]])
    /// Sends a ping.
    func ping(_ payload: [UInt8])
    /// Closes the connection cleanly.
    func close(_ reason: CloseReason)
    /// Bytes that were written and not yet sent.
    var bufferedBytes: Int { get }
}

/// Makes connections to one broker.
public protocol TransportConnector: Sendable {
    /// Connects. Fails with `TransportError`.
    func connect() async throws -> any Transport
}

/// Why no connection could be made.
public struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: String, Sendable, Hashable { case refused, timeout, closed, handshake, unsupported, address }
    /// The kind.
    public var code: Code
    /// What went wrong and what to do.
    public var message: String
    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
    /// The text in one line.
    public var description: String { message }
}
