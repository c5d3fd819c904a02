import MeshBroker
import MeshCore
import MeshSDK
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@Suite("Gateway server", .timeLimit(.minutes(1)))
struct GatewayServerTests {
    // MARK: - HTTP

    static let answered: [(request: String, status: Int, part: String)] = [
        ("GET /a%20b?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "GET /a b /a%20b q=1 0"),
        ("POST /x HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 3\r\n\r\nabc", 200, "POST /x /x - 3"),
        (
            "POST /x HTTP/1.1\r\nHost: [::1]:9\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2;a=b\r\nab\r\n1\r\nc\r\n0\r\nT: v\r\n\r\n",
            200, "POST /x /x - 3"
        ),
        ("\r\nGET http://localhost/p HTTP/1.1\r\nHost: x\r\n\r\n", 200, "GET /p /p - 0"),
        ("GET / HTTP/1.1\r\nHost: mesh.example:77\r\n\r\n", 200, "GET / / - 0"),
        ("POST / HTTP/1.1\r\nHost: localhost:5\r\nOrigin: http://localhost:5\r\nContent-Length: 0\r\n\r\n", 200, ""),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://ok.example\r\n\r\n", 200, ""),
        ("GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n", 500, "\"code\":\"internal\""),
        ("GET / HTTP/1.1\r\n\r\n", 400, "bad_host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n", 400, "bad_host"),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "bad_host"),
        ("GET / HTTP/1.1\r\nHost: 127.evil.example\r\n\r\n", 403, "bad_host"),
        ("GET / HTTP/1.1\r\nHost: localhost.evil\r\n\r\n", 403, "bad_host"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", 403, "bad_origin"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n", 403, "bad_origin"),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400, "beside"
        ),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "differ"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\n", 400, "differ"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400, "not a number"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, "body_too_large"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5001\r\n\r\n", 413, "body_too_large"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1389\r\n", 413, "body_too_large"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "hexadecimal"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", 400, "chunk"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "bad_encoding"),
        ("GET /\(String(repeating: "a", count: 2000)) HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "target_too_long"),
        ("GET /\(String(repeating: "a", count: 9000))", 414, "target_too_long"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 5000))", 431, "headers_too_large"),
        ("GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "percent"),
        ("GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "percent"),
        ("GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "percent"),
        ("GET /%e HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "percent"),
        ("GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505, "bad_version"),
        ("GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "request line"),
        ("GET / HTTP/1.1\nHost: localhost\n\n", 400, "CR LF"),
        ("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, "header line"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", 400, "header line"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "not a path"),
        ("GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, "upgrade_required"),
        (upgrade(version: "12"), 426, "Sec-WebSocket-Version: 13"),
        (upgrade(key: nil), 400, "Sec-WebSocket-Key"),
        (upgrade(key: "short"), 400, "Sec-WebSocket-Key"),
        (upgrade(path: "/other"), 404, "not_found"),
        (upgrade(extra: "Origin: https://evil.example\r\n"), 403, "bad_origin"),
        (upgrade(extra: "Origin: http://localhost\r\n"), 101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (upgrade(path: "/ws?x=1"), 101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ]

    @Test("Every request is answered with its status, whole or byte by byte", arguments: answered, [false, true])
    func requests(row: (request: String, status: Int, part: String), inPieces: Bool) async throws {
        try await withServer { server in
            let client = try await RawClient(server.port)
            if inPieces, row.request.utf8.count < 400 {
                for byte in row.request.utf8 { try await client.send([byte], mayFail: true) }
            } else {
                try await client.send(Array(row.request.utf8), mayFail: true)
            }
            let text = try await client.text(until: { $0.contains("\r\n\r\n") && $0.contains(row.part) })
            #expect(text.hasPrefix("HTTP/1.1 \(row.status) "), "\(row.request.prefix(80)): \(text)")
            await client.close()
        }
    }

    @Test("Pipelined requests are answered in order, and HEAD without a body")
    func pipeline() async throws {
        try await withServer { server in
            let client = try await RawClient(server.port)
            let requests = (0..<50).map { "GET /slow/\($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined()
            let last = "HEAD /head HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            try await client.send(Array((requests + last).utf8))
            let text = try await client.textToEnd()
            let paths = text.split(separator: "GET /slow/").dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
            #expect(paths == Array(0..<50))
            #expect(text.hasSuffix("Connection: close\r\n\r\n"))
            #expect(text.components("Content-Length: 20") == 1)
        }
    }

    @Test("A client that waits for 100 is told to go on")
    func expectContinue() async throws {
        try await withServer { server in
            let client = try await RawClient(server.port)
            let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
            try await client.send(Array(head.utf8))
            _ = try await client.text(until: { $0.hasPrefix("HTTP/1.1 100 ") && $0.hasSuffix("\r\n\r\n") })
            try await client.send([0x61])
            _ = try await client.text(until: { $0.contains("HTTP/1.1 200 ") && $0.contains("POST / / - 1") })
            await client.close()
        }
    }

    @Test(
        "A request that does not arrive in time is answered 408 and closed",
        arguments: ["GET / HT", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na"])
    func slow(part: String) async throws {
        try await withServer({ $0.requestTimeoutSeconds = 1 }) { server in
            let client = try await RawClient(server.port)
            try await client.send(Array(part.utf8))
            #expect(try await client.textToEnd().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("A connection over the limit is answered 503 and closed")
    func overLimit() async throws {
        try await withServer({ $0.maxConnections = 1 }) { server in
            let first = try await RawClient(server.port)
            try await first.send(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            _ = try await first.text(until: { $0.contains("GET / / - 0") })
            let second = try await RawClient(server.port)
            #expect(try await second.textToEnd().hasPrefix("HTTP/1.1 503 "))
            await first.close()
        }
    }

    @Test("The oldest connection that has not said who is there makes room for the next; others stay")
    func strangers() async throws {
        try await withServer({ $0.maxStrangers = 2 }) { server in
            let known = try await RawClient(server.port)
            try await known.send(Array(Self.upgrade().utf8))
            _ = try await known.text(until: { $0.hasSuffix("\r\n\r\n") })
            var idle: [RawClient] = []
            for count in 2...3 {
                idle.append(try await RawClient(server.port))
                while server.gateway.connectionCount < count { await Task.yield() }
            }
            let third = try await RawClient(server.port)
            #expect(try await idle[0].bytesToEnd().isEmpty)
            for client in [idle[1], third] {
                try await client.send(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                _ = try await client.text(until: { $0.contains("GET / / - 0") })
            }
            try await known.send(frame(.text, Array("still here".utf8)))
            _ = try await known.bytes { Array($0.suffix(10)) == Array("still here".utf8) }
            for client in [known, idle[1], third] { await client.close() }
        }
    }

    @Test("Bodies that are being received share their memory, and small ones are not counted")
    func bodyMemory() async throws {
        try await withServer({
            $0.maxBodyBytes = 1 << 20
            $0.maxBodyBytesInAll = 1 << 20
        }) { server in
            func head(_ length: String) -> [UInt8] {
                Array("POST /x HTTP/1.1\r\nHost: localhost\r\n\(length)\r\nExpect: 100-continue\r\n\r\n".utf8)
            }
            let first = try await RawClient(server.port)
            try await first.send(head("Transfer-Encoding: chunked"))
            _ = try await first.text(until: { $0.hasPrefix("HTTP/1.1 100 ") })
            let second = try await RawClient(server.port)
            try await second.send(head("Content-Length: 20000"))
            #expect(try await second.textToEnd().hasPrefix("HTTP/1.1 503 "))
            let small = try await RawClient(server.port)
            try await small.send(head("Content-Length: 1") + [65])
            _ = try await small.text(until: { $0.contains("POST /x /x - 1") })
            // Answered: its memory is there for the next.
            try await first.send(Array("1\r\na\r\n0\r\n\r\n".utf8))
            _ = try await first.text(until: { $0.contains("POST /x /x - 1") })
            let third = try await RawClient(server.port)
            try await third.send(head("Content-Length: 1048576"))
            _ = try await third.text(until: { $0.hasPrefix("HTTP/1.1 100 ") })
            for client in [first, small, third] { await client.close() }
        }
    }

    // MARK: - WebSocket

    @Test("Text, fragments, UTF-8 in binary frames and pings are answered, also when they come with the upgrade")
    func echo() async throws {
        try await withServer { server in
            let client = try await RawClient(server.port)
            var split = frame(.text, Array("gr\u{FC}n".utf8.prefix(3)))
            split[0] &= 0x7F
            let bytes =
                frame(.text, Array("one".utf8)) + split + frame(.ping, [1, 2])
                + frame(.continuation, Array("gr\u{FC}n".utf8.dropFirst(3))) + frame(.binary, Array("two".utf8))
            try await client.send(Array(Self.upgrade().utf8) + bytes)
            let expected =
                WebSocketEncoder.frame(.text, Array("one".utf8)) + WebSocketEncoder.frame(.pong, [1, 2])
                + WebSocketEncoder.frame(.text, Array("gr\u{FC}n".utf8))
                + WebSocketEncoder.frame(.text, Array("two".utf8))
            _ = try await client.bytes { Array($0.suffix(expected.count)) == expected }
            try await client.send(frame(.close, [0x0F, 0xA0, 0x78]))
            let goodbye = try await client.bytesToEnd()
            #expect(Array(goodbye.suffix(5)) == WebSocketEncoder.frame(.close, [0x0F, 0xA0, 0x78]))
            #expect(await server.events.firstClose() == CloseReason(code: 4000, reason: "x"))
        }
    }

    static let broken: [(bytes: [UInt8], code: UInt16)] = [
        ([0x81, 0x00], 1002), ([0xC1, 0x80, 0, 0, 0, 0], 1002), (frame(.text, [0xFF]), 1007),
        ([0x81, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], 1009), (frame(.close, [0x03, 0xED]), 1002),
        ((0..<101).flatMap { frame(.ping, [UInt8($0)]) }, 1008), (frame(.text, Array("flood".utf8)), 1008),
        (frame(.text, Array("close".utf8)), 4001),
    ]

    @Test("A broken rule is answered with its close code, then the line ends, whatever follows", arguments: broken)
    func closes(row: (bytes: [UInt8], code: UInt16)) async throws {
        try await withServer { server in
            let client = try await RawClient(server.port)
            try await client.send(Array(Self.upgrade().utf8))
            _ = try await client.text(until: { $0.hasSuffix("\r\n\r\n") })
            try await client.send(row.bytes + frame(.text, Array("ignored".utf8)))
            #expect(await server.events.firstClose()?.code == row.code)
            if row.code == 4001 { try await client.send(frame(.close, []), mayFail: true) }
            let all = try await client.bytesToEnd()
            let code = [UInt8(row.code >> 8), UInt8(row.code & 255)]
            #expect(all.indices.dropLast().contains { Array(all[$0...($0 + 1)]) == code })
            #expect(await server.events.texts().filter { $0 == "ignored" }.isEmpty)
        }
    }

    @Test("Paused reading holds messages back, resumed reading delivers them in order")
    func pause() async throws {
        try await withServer { server in
            let client = try await RawClient(server.port)
            let texts = ["pause", "a", "b", "c"]
            try await client.send(Array(Self.upgrade().utf8) + texts.flatMap { frame(.text, Array($0.utf8)) })
            let expected = texts.flatMap { WebSocketEncoder.frame(.text, Array($0.utf8)) }
            _ = try await client.bytes { Array($0.suffix(expected.count)) == expected }
            await client.close()
        }
    }

    // MARK: - Shutdown and the clients

    @Test("A shutdown says 1001 to WebSockets, lets running requests be answered, and ends idle connections")
    func shutdown() async throws {
        try await withServer { server in
            let transport = try await WebSocketConnector(url: "ws://127.0.0.1:\(server.port)/ws", group: group)
                .connect()
            let events = Events()
            transport.start { events.add($0) }
            transport.send([Array("hello".utf8)])
            #expect(await events.texts(count: 1) == ["hello"])
            let http = try await RawClient(server.port)
            try await http.send(Array("GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            await server.held.wait()
            let idle = try await RawClient(server.port)
            // Connected is not yet accepted: one that comes during a shutdown is told so.
            while server.gateway.connectionCount < 3 { await Task.yield() }
            async let stopped: Void = server.gateway.shutdown(reason: .goingAway, withinSeconds: 20)
            #expect(await events.firstClose()?.code == 1001)
            #expect(try await idle.bytesToEnd().isEmpty)
            server.held.release()
            #expect(try await http.textToEnd().contains("held"))
            await stopped
            #expect(server.gateway.connectionCount == 0)
        }
    }

    @Test("The transport delivers bursts, pongs and the close reason in order")
    func transport() async throws {
        try await withServer { server in
            let connector = WebSocketConnector(url: "ws://localhost:\(server.port)/ws", group: group)
            let transport = try await connector.connect()
            let events = Events()
            transport.start { events.add($0) }
            let texts = (0..<300).map { String(repeating: "x", count: $0 * 7) + "\($0)" }
            transport.send(texts.map { Array($0.utf8) })
            #expect(await events.texts(count: 300) == texts)
            transport.ping([9])
            #expect(await events.firstPong() == [9])
            transport.send([Array("close".utf8)])
            #expect(await events.firstClose() == CloseReason(code: 4001, reason: "asked"))
        }
    }

    @Test("Frames that are written and read in place come back as they were, in order")
    func inPlace() async throws {
        try await withServer { server in
            let transport = try await WebSocketConnector(url: "ws://127.0.0.1:\(server.port)/ws", group: group).open()
            let events = Events()
            let texts = (0..<300).map { String(repeating: "x", count: $0 * 7) + "\($0)" }
            transport.start { event in
                events.add(event)
                guard case .text(let text) = event, text == Array("begin".utf8) else { return }
                // Now on the loop. What is written leaves with the end of the burst.
                transport.receiveInPlace { events.add(.text(Array($0))) }
                for (number, text) in texts.enumerated() {
                    transport.sendInPlace(maximumBytes: text.utf8.count + number) { memory in
                        memory.copyBytes(from: text.utf8)
                        return text.utf8.count
                    }
                }
            }
            transport.send([Array("begin".utf8)])
            #expect(await events.texts(count: 301) == ["begin"] + texts)
            transport.send([Array("close".utf8)])
            #expect(await events.firstClose() == CloseReason(code: 4001, reason: "asked"))
        }
    }

    @Test("Failures to connect have their own codes")
    func failures() async throws {
        try await withServer { server in
            func code(_ url: String) async -> TransportError.Code? {
                do {
                    _ = try await WebSocketConnector(url: url, group: group, timeoutSeconds: 2).connect()
                    return nil
                } catch { return (error as? TransportError)?.code }
            }
            #expect(await code("wss://127.0.0.1:\(server.port)/ws") == .handshake)
            #expect(await code("ws://127.0.0.1:\(server.port)/other") == .handshake)
            #expect(await code("ws://127.0.0.1:0/ws") == .address)
            #expect(await code("http://127.0.0.1/") == .address)
            let mute = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
            let port = try #require(mute.localAddress?.port)
            #expect(await code("ws://127.0.0.1:\(port)/ws") == .timeout)
            try await mute.close().get()
            #expect(await code("ws://127.0.0.1:\(port)/ws") == .refused)
        }
    }

    @Test("The HTTP client reuses its connection, and sends again when the server closed it")
    func httpClient() async throws {
        try await withServer({ $0.idleSeconds = 1 }) { server in
            let client = MeshHTTPClient(baseURL: "http://127.0.0.1:\(server.port)", group: group)
            for size in [0, 1, 5000] {
                let body = [UInt8](repeating: 65, count: size)
                let answer = try await client.send(method: "POST", path: "/p?a=b", headers: [("X-A", "b")], body: body)
                #expect(answer.status == 200)
                #expect(String(decoding: answer.body, as: UTF8.self) == "POST /p /p a=b \(size)")
                #expect(server.gateway.connectionCount == 1)
            }
            #expect(try await client.send(method: "HEAD", path: "/", headers: [], body: []).body.isEmpty)
            #expect(try await client.send(method: "GET", path: "/%zz", headers: [], body: []).status == 400)
            #expect(try await client.send(method: "GET", path: "/", headers: [], body: []).status == 200)
            while server.gateway.connectionCount > 0 { await Task.yield() }
            #expect(server.gateway.connectionCount == 0)
            #expect(try await client.send(method: "GET", path: "/", headers: [], body: []).status == 200)
            await #expect(throws: TransportError.self) {
                try await client.send(method: "GET", path: "/", headers: [("A", "b\r\nC: d")], body: [])
            }
            await client.close()
        }
    }

    // MARK: - Tools

    static func upgrade(
        path: String = "/ws", version: String = "13", key: String? = "dGhlIHNhbXBsZSBub25jZQ==", extra: String = ""
    ) -> String {
        "GET \(path) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Version: \(version)\r\n" + (key.map { "Sec-WebSocket-Key: \($0)\r\n" } ?? "") + extra
            + "\r\n"
    }

    private func withServer(
        _ adjust: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (TestServer) async throws -> Void
    ) async throws {
        var configuration = GatewayConfiguration()
        configuration.maxHeaderBytes = 4096
        configuration.maxTargetBytes = 1024
        configuration.maxBodyBytes = 5000
        configuration.maxBufferedBytes = 100_000
        configuration.allowedHosts = ["mesh.example"]
        configuration.allowedOrigins = ["https://ok.example"]
        adjust(&configuration)
        let server = try await TestServer(configuration)
        do { try await body(server) } catch {
            await server.gateway.shutdown(reason: .goingAway, withinSeconds: 0)
            throw error
        }
        await server.gateway.shutdown(reason: .goingAway, withinSeconds: 0)
    }
}

private var group: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }

/// A client's frame.
private func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8]) -> [UInt8] {
    WebSocketEncoder.frame(opcode, payload, maskKey: 0xA1B2_C3D4)
}

extension String {
    fileprivate func components(_ part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}

/// A gateway on a free port whose WebSockets send every text back.
private struct TestServer: Sendable {
    let gateway: GatewayServer
    let port: Int
    let events = Events()
    let held = Gate()

    init(_ configuration: GatewayConfiguration) async throws {
        let events = events
        gateway = GatewayServer(
            configuration: configuration, group: group, responder: TestResponder(held: held)
        ) { _ in EchoHandler(events) }
        port = try await gateway.start().port ?? 0
    }
}

private final class EchoHandler: FrameHandler {
    private let events: Events
    private var socket: FrameSocket?
    init(_ events: Events) { self.events = events }
    func opened(_ socket: FrameSocket) {
        self.socket = socket
        socket.admit(UnsentBytes())
    }
    func text(_ bytes: UnsafeRawBufferPointer) {
        let text = Array(bytes)
        events.add(.text(text))
        switch String(decoding: text, as: UTF8.self) {
        case "close": socket?.close(CloseReason(code: 4001, reason: "asked"))
        case "flood": socket?.write([UInt8](repeating: 65, count: 100_001))
        case "pause":
            guard let socket else { return }
            socket.write(text)
            socket.pauseReading()
            socket.pauseReading()
            socket.eventLoop.assumeIsolated().execute { socket.resumeReading() }
        default: socket?.write(text)
        }
    }
    func pong(_ payload: [UInt8]) { events.add(.pong(payload)) }
    func readComplete() {}
    func closed(_ reason: CloseReason?) {
        events.add(.closed(reason))
        socket = nil
    }
}

/// Answers with what it was asked; `/held` waits for the gate.
private struct TestResponder: HTTPResponder {
    struct Failure: Error {}
    let held: Gate
    func respond(to call: HTTPCall, on loop: any EventLoop) -> EventLoopFuture<HTTPAnswer> {
        if call.path == "/fail" { return loop.makeFailedFuture(Failure()) }
        let text = "\(call.method) \(call.path) \(call.rawPath) \(call.query ?? "-") \(call.body.count)"
        let answer = HTTPAnswer(status: 200, contentType: "text/plain", body: Array(text.utf8))
        if call.path.hasPrefix("/slow") { return loop.scheduleTask(in: .microseconds(50)) { answer }.futureResult }
        guard call.path == "/held" else { return loop.makeSucceededFuture(answer) }
        return loop.makeFutureWithTask {
            await held.enter()
            return answer
        }
    }
}

/// One request that waits until the test lets it go.
private final class Gate: Sendable {
    private let entered = AsyncStream<Void>.makeStream()
    private let released = AsyncStream<Void>.makeStream()
    func enter() async {
        entered.continuation.yield()
        for await _ in released.stream { return }
    }
    func wait() async { for await _ in entered.stream { return } }
    func release() { released.continuation.yield() }
}

/// Events in order, for one reader, which waits for them.
private final class Events: Sendable {
    private let all = Mutex<[TransportEvent]>([])
    private let changed = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    func add(_ event: TransportEvent) {
        all.withLock { $0.append(event) }
        changed.continuation.yield()
    }

    private func first<Value: Sendable>(_ find: ([TransportEvent]) -> Value?) async -> Value? {
        if let value = all.withLock({ find($0) }) { return value }
        for await _ in changed.stream { if let value = all.withLock({ find($0) }) { return value } }
        return nil
    }
    private static func texts(_ events: [TransportEvent]) -> [String] {
        events.compactMap { if case .text(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil } }
    }
    func texts(count: Int = 0) async -> [String] {
        await first { Self.texts($0).count >= count ? Self.texts($0) : nil } ?? []
    }
    func firstPong() async -> [UInt8]? {
        await first { $0.lazy.compactMap { if case .pong(let bytes) = $0 { bytes } else { nil } }.first }
    }
    func firstClose() async -> CloseReason? {
        await first { $0.lazy.compactMap { if case .closed(let reason) = $0 { reason } else { nil } }.first }
    }
}

/// A TCP connection that keeps what it receives.
private final class RawClient: Sendable {
    struct Ended: Error { var seen: String }
    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex<(bytes: [UInt8], isEnd: Bool)>(([], false))
        let changed = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            state.withLock { $0.bytes += bytes }
            changed.continuation.yield()
        }
        func channelInactive(context: ChannelHandlerContext) {
            state.withLock { $0.isEnd = true }
            changed.continuation.yield()
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let collector = Collector()

    init(_ port: Int) async throws {
        let collector = collector
        channel = try await ClientBootstrap(group: group)
            .channelInitializer { $0.pipeline.addHandler(collector) }
            .connect(host: "127.0.0.1", port: port).get()
    }

    func send(_ bytes: [UInt8], mayFail: Bool = false) async throws {
        do { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() } catch { if !mayFail { throw error } }
    }

    func close() async { try? await channel.close().get() }

    private func wait(_ isDone: ([UInt8], Bool) -> Bool) async throws -> [UInt8] {
        var changes = collector.changed.stream.makeAsyncIterator()
        while true {
            let (bytes, isEnd) = collector.state.withLock { $0 }
            if isDone(bytes, isEnd) { return bytes }
            guard !isEnd, await changes.next() != nil else {
                throw Ended(seen: String(decoding: bytes, as: UTF8.self))
            }
        }
    }

    func bytes(until isDone: ([UInt8]) -> Bool) async throws -> [UInt8] { try await wait { bytes, _ in isDone(bytes) } }
    func bytesToEnd() async throws -> [UInt8] { try await wait { _, isEnd in isEnd } }
    func text(until isDone: (String) -> Bool) async throws -> String {
        String(decoding: try await bytes { isDone(String(decoding: $0, as: UTF8.self)) }, as: UTF8.self)
    }
    func textToEnd() async throws -> String { String(decoding: try await bytesToEnd(), as: UTF8.self) }
}
