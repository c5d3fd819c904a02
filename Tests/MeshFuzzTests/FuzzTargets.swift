import MeshCore
import MeshEngine
import NIOCore
import NIOHTTP1

@testable import MeshBroker
@testable import MeshSDK

/// What a decoder accepted, but must not have.
struct BrokenPromise: Error {
    var what: String
    init(_ what: String) { self.what = what }
}

/// One decoder under trial.
struct FuzzTarget: Sendable {
    var name: String
    /// Real inputs.
    var seeds: [[UInt8]]
    /// How many inputs the short form tries.
    var shortRuns = 4_000
    /// Whether it was accepted. Throws a broken promise.
    var check: @Sendable ([UInt8]) throws -> Bool
}

enum FuzzTargets {
    static let all: [FuzzTarget] =
        [json, request, hello, serverFrames, clientFrames, httpRequest, httpResponse] + identity + ledger

    static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    static func bytes(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

    static func promise(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        guard holds else { throw BrokenPromise(what()) }
    }

    // MARK: Frames' contents

    static let json = FuzzTarget(
        name: "json",
        seeds: bytes(
            #"{"type":"set_state","key":"a/b","value":{"x":[1,2.5,-3e-7,true,false,null,"\u00e9\n"],"y":{}}}"#,
            #"[0,-1,9223372036854775807,1e308,"𝄞\ud834\udd1e",[[[[]]]]]"#)
    ) { input in
        guard let value = try? JSON.parse(input, limits: .frame) else { return false }
        // By canonical bytes: 1e3 is written as 1000, and read again as an integer.
        let same = (try? JSON.parse(value.bytes(), limits: .frame))?.canonicalBytes() == value.canonicalBytes()
        try promise(same, "its own bytes say something else")
        // RFC 8785 writes 1e20 with all its digits, which are no 64-bit integer: not every canonical form is read again.
        let canonical = value.canonicalBytes()
        if let again = try? JSON.parse(canonical, limits: .frame) {
            try promise(again.canonicalBytes() == canonical, "the canonical form is not its own canonical form")
        }
        return true
    }

    static let request = FuzzTarget(
        name: "request",
        seeds: bytes(
            #"{"type":"send","_reqId":"r1","targetSpec":"bob","nonce":"","ciphertext":"aGk=","priority":"now","ttl":60000}"#,
            #"{"type":"send","targetSpec":["*","@eng"],"ciphertext":"aGk=","encrypted":false,"mentions":["a"]}"#,
            #"{"type":"client_ack","messageIds":["0123456789abc","0123456789abd"],"_reqId":"7"}"#,
            #"{"type":"cas_state","key":"k","expectedVersion":3,"value":{"a":[1]}}"#,
            #"{"type":"list_inbox","limit":20,"after":"0123456789abc"}"#)
    ) { input in
        let table = Capabilities.table
        var scanner = FlatScanner()
        let flat: (any Request)? = input.withUnsafeBytes { bytes in
            scanner.scan(bytes) ? table.decode(flat: scanner, in: bytes) : nil
        }
        let tree = try? JSON.parse(input, limits: .frame)
        let general = tree.flatMap { tree in
            tree["type"]?.stringValue.flatMap { table.rows[$0] }.flatMap { try? $0.decode(tree) }
        }
        if let flat {
            guard let general else { throw BrokenPromise("the fast way accepts what the general one refuses") }
            try promise(
                encoded(flat) == encoded(general), "the fast way reads \(flat), the general one \(general)")
        }
        return general != nil
    }

    private static func encoded(_ request: any Request) -> [UInt8]? {
        func json(_ request: some Request) -> [UInt8]? { try? JSONCoder.encode(request).canonicalBytes() }
        return json(request)
    }

    static let hello = FuzzTarget(
        name: "hello",
        seeds: bytes(
            """
            {"type":"session_hello","meshId":"m","parentMemberPubkey":"\(key)","sessionPubkey":"\(key)","protocolVersion":2,
            "audience":"\(key)","nonce":"000102030405060708090a0b0c0d0e0f","timestamp":1700000000000,"signature":"\(key)\(key)",
            "binding":"\(key)\(key)","groups":[{"name":"eng","role":"lead"}],"capabilities":["ack"],"pid":1,"cwd":"/"}
            """,
            """
            {"type":"hello","meshId":"m","memberId":"x","pubkey":"\(key)","sessionId":"s","pid":7,"timestamp":1700000000000,
            "signature":"\(key)\(key)","displayName":"ada","groups":["eng"]}
            """)
    ) { input in
        guard let tree = try? JSON.parse(input, limits: .frame) else { return false }
        let one = try? JSONCoder.decode(SessionHello.self, from: tree)
        let two = try? JSONCoder.decode(Hello.self, from: tree)
        return one != nil || two != nil
    }

    static let key = String(repeating: "0f", count: 32)

    // MARK: WebSocket and HTTP

    static let serverFrames = frames("frames-of-clients", .server)
    static let clientFrames = frames("frames-of-servers", .client)

    private static func frames(_ name: String, _ role: WebSocketRole) -> FuzzTarget {
        let mask: UInt32? = role == .server ? 0x0102_0304 : nil
        func frame(_ opcode: WebSocketOpcode, _ count: Int) -> [UInt8] {
            WebSocketEncoder.frame(opcode, Array(repeating: 0x61, count: count), maskKey: mask)
        }
        return FuzzTarget(
            name: name,
            seeds: [
                frame(.text, 5), frame(.text, 200) + frame(.ping, 3), frame(.binary, 70_000), frame(.close, 0),
                [0x01] + frame(.text, 4).dropFirst() + frame(.continuation, 4),
            ]
        ) { input in
            let whole = outcome(input, role, pieces: input.count)
            try promise(outcome(input, role, pieces: 1 + input.count / 7) == whole, "in pieces it means something else")
            return !whole.contains("failed")
        }
    }

    /// What a decoder sees, as text; the same however the bytes are cut.
    private static func outcome(_ input: [UInt8], _ role: WebSocketRole, pieces: Int) -> String {
        var decoder = WebSocketDecoder(role: role, maxMessageBytes: 100_000)
        var seen = ""
        var buffer: [UInt8] = []
        var rest = input[...]
        repeat {
            buffer += rest.prefix(max(1, pieces))
            rest = rest.dropFirst(max(1, pieces))
            frames: while true {
                let step = buffer.withUnsafeMutableBytes { decoder.next(in: $0) }
                let consumed: Int
                switch step {
                case .needsBytes: break frames
                case .fragment(let count): consumed = count
                case .message(let range, let count):
                    seen += "message \(buffer[range].reduce(0) { $0 &* 31 &+ Int($1) }) "
                    consumed = count
                case .assembled(let bytes, let count):
                    seen += "message \(bytes.reduce(0) { $0 &* 31 &+ Int($1) }) "
                    consumed = count
                case .ping(let bytes, let count): (seen, consumed) = (seen + "ping \(bytes.count) ", count)
                case .pong(let bytes, let count): (seen, consumed) = (seen + "pong \(bytes.count) ", count)
                case .close(let reason, _): return seen + "close \(reason?.code ?? 0)"
                case .failed(let reason): return seen + "failed \(reason.code)"
                }
                buffer.removeFirst(consumed)
            }
        } while !rest.isEmpty
        return seen
    }

    static let httpRequest = FuzzTarget(
        name: "http-request",
        seeds: bytes(
            "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "POST /v1/join?a=b HTTP/1.1\r\nHost: localhost:7900\r\nContent-Length: 5\r\n\r\nhello",
            "POST /v1/join HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n0\r\nA: b\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
    ) { input in
        let whole = requests(input, pieces: input.count)
        try promise(requests(input, pieces: 3) == whole, "in pieces it means something else")
        return whole.contains("body") && !whole.contains("failed")
    }

    private static func requests(_ input: [UInt8], pieces: Int) -> String {
        var parser = HTTPRequestParser(limits: GatewayConfiguration())
        var buffer = ByteBuffer()
        var seen = ""
        var rest = input[...]
        repeat {
            buffer.writeBytes(rest.prefix(max(1, pieces)))
            rest = rest.dropFirst(max(1, pieces))
            steps: while true {
                switch parser.next(&buffer) {
                case .needsMore: break steps
                case .head(let head): seen += "head \(head) "
                case .body(let body): seen += "body \(body.count) "
                case .failed(let rejection): return seen + "failed \(rejection)"
                }
            }
        } while !rest.isEmpty
        return seen
    }

    static let httpResponse = FuzzTarget(
        name: "http-response",
        seeds: bytes(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            "HTTP/1.0 500 No\r\n\r\ntext until the end")
    ) { input in
        var parser = HTTPResponseParser()
        parser.input.writeBytes(input)
        return (try? parser.next(isEnd: true)) != nil
    }
}
