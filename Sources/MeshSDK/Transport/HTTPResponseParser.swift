import MeshCore
import NIOCore
import NIOHTTP1

/// One answer of an HTTP/1.1 server.
struct HTTPResponse: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8]
    /// Whether another request may follow on the connection.
    var keepAlive: Bool
}

/// Collects one answer from a stream. Interim answers (100) are passed over; 101 ends with its head, and what follows
/// stays in `input`.
struct HTTPResponseParser {
    private static let maxHeadBytes = 16_384
    private static let maxBodyBytes = 16 << 20
    /// Interim answers before the real one.
    private static let maxInterim = 8

    /// Bytes that were not used yet.
    var input = ByteBuffer()
    private let isHead: Bool
    private var head: (status: Int, headers: HTTPHeaders, keepAlive: Bool)?
    private var body: [UInt8] = []
    private var chunkRest: Int?
    private var interim = 0
    private var trailerBytes = 0
    /// Bytes of the head that hold no line end of its last line: they are not looked at twice.
    private var searched = 0

    /// - Parameter isHead: whether the request was HEAD, whose answers have no body whatever their length says.
    init(isHead: Bool = false) { self.isHead = isHead }

    /// The answer when it is complete. Fails with `.handshake` when the bytes are no HTTP.
    mutating func next(isEnd: Bool = false) throws(TransportError) -> HTTPResponse? {
        while true {
            guard let head else {
                guard let parsed = try takeHead() else { return nil }
                if parsed.status >= 200 || parsed.status == 101 {
                    self.head = parsed
                } else {
                    interim += 1
                    guard interim <= Self.maxInterim else { throw broken("interim answers without end") }
                }
                continue
            }
            if isHead || head.status == 204 || head.status == 304 || head.status == 101 { return finished(head) }
            if head.headers["transfer-encoding"].contains(where: { $0.lowercased() == "chunked" }) {
                return try takeChunks() ? finished(head) : nil
            }
            guard let text = head.headers["content-length"].first else {
                // Without a length the body goes to the end of the connection.
                try take(input.readableBytes)
                return isEnd ? finished((head.status, head.headers, false)) : nil
            }
            guard let length = Int(text), (0...Self.maxBodyBytes).contains(length) else { throw broken("a bad length") }
            try take(length - body.count)
            return body.count == length ? finished(head) : nil
        }
    }

    private func broken(_ what: String) -> TransportError {
        TransportError(.handshake, "The answer is no HTTP (\(what)): is another program listening at this address?")
    }

    private func finished(_ head: (status: Int, headers: HTTPHeaders, keepAlive: Bool)) -> HTTPResponse {
        HTTPResponse(status: head.status, headers: head.headers, body: body, keepAlive: head.keepAlive)
    }

    private mutating func take(_ count: Int) throws(TransportError) {
        let taken = min(count, input.readableBytes)
        guard body.count + taken <= Self.maxBodyBytes else { throw broken("a body without end") }
        body.append(contentsOf: input.readBytes(length: taken) ?? [])
        forgetRead()
    }

    /// Gives back what was read: without this the input would grow with all that ever came.
    private mutating func forgetRead() {
        if input.readableBytes == 0 { input.clear() } else if input.readerIndex > 65_536 { input.discardReadBytes() }
    }

    private mutating func takeHead() throws(TransportError) -> (status: Int, headers: HTTPHeaders, keepAlive: Bool)? {
        let view = input.readableBytesView
        // Whole heads alone are taken apart: a head that comes byte by byte would be read as often as it has bytes.
        guard Self.endsHead(view, from: &searched) else {
            guard view.count <= Self.maxHeadBytes else { throw broken("a head without end") }
            return nil
        }
        searched = 0
        var lines: [String] = []
        var start = view.startIndex
        while let end = view[start...].firstIndex(of: 0x0A) {
            let line = view[start..<end]
            start = end + 1
            let text = String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
            if text.isEmpty {
                input.moveReaderIndex(forwardBy: start - view.startIndex)
                return try head(lines)
            }
            lines.append(text)
        }
        guard view.count <= Self.maxHeadBytes else { throw broken("a head without end") }
        return nil
    }

    /// Whether an empty line is there, looking only at what has come since the last time.
    private static func endsHead(_ view: ByteBufferView, from searched: inout Int) -> Bool {
        var place = view.startIndex + max(0, searched - 3)
        while let end = view[place...].firstIndex(of: 0x0A) {
            let before = end - view.startIndex
            let isEmpty =
                before == 0 || view[end - 1] == 0x0A
                || (view[end - 1] == 0x0D && (before == 1 || view[end - 2] == 0x0A))
            if isEmpty { return true }
            place = end + 1
        }
        searched = view.count
        return false
    }

    private func head(_ lines: [String]) throws(TransportError) -> (status: Int, headers: HTTPHeaders, keepAlive: Bool)
    {
        let first = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard first.count >= 2, first[0].hasPrefix("HTTP/1."), let status = Int(first[1]), (100...599).contains(status)
        else { throw broken("no status line") }
        var headers = HTTPHeaders()
        for line in lines.dropFirst() {
            // The header list takes only ASCII names, and ends the process over any other.
            guard let colon = line.firstIndex(of: ":"), line[..<colon].utf8.allSatisfy({ $0 < 0x80 }) else {
                throw broken("a bad header")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers.add(name: String(line[..<colon]), value: String(value))
        }
        let connection = headers["connection"].map { $0.lowercased() }
        let keepAlive = first[0] == "HTTP/1.1" && !connection.contains { $0.contains("close") }
        return (status, headers, keepAlive)
    }

    /// True when the last chunk and the trailers are read.
    private mutating func takeChunks() throws(TransportError) -> Bool {
        while true {
            if let rest = chunkRest, rest > 0 {
                let before = body.count
                try take(rest)
                chunkRest = rest - (body.count - before)
                if chunkRest != 0 { return false }
            }
            guard let line = try takeLine() else { return false }
            switch chunkRest {
            case 0: chunkRest = nil  // the line end after a chunk
            case -1:  // trailers
                if line.isEmpty { return true }
                trailerBytes += line.utf8.count + 2
                guard trailerBytes <= Self.maxHeadBytes else { throw broken("trailers without end") }
            default:
                let digits = line.prefix { $0 != ";" && $0 != " " }
                guard let size = Int(digits, radix: 16), (0...Self.maxBodyBytes).contains(size) else {
                    throw broken("a bad chunk")
                }
                chunkRest = size == 0 ? -1 : size
            }
        }
    }

    private mutating func takeLine() throws(TransportError) -> String? {
        let view = input.readableBytesView
        guard let end = view.firstIndex(of: 0x0A) else {
            guard view.count <= Self.maxHeadBytes else { throw broken("a line without end") }
            return nil
        }
        let line = view[view.startIndex..<end]
        input.moveReaderIndex(forwardBy: line.count + 1)
        defer { forgetRead() }
        return String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
    }
}
