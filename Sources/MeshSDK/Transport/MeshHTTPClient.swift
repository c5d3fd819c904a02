import MeshCore
public import NIOCore
import NIOHTTP1
import Synchronization

/// A small HTTP/1.1 client for one broker. It keeps one connection and uses it again while it lives; calls at the same
/// time get connections of their own.
public final class MeshHTTPClient: Sendable {
    private let address: Result<ClientAddress, TransportError>
    private let group: any EventLoopGroup
    private let timeout: TimeAmount
    private let idle = Mutex<(channel: (any Channel)?, isClosed: Bool)>((nil, false))

    /// A client of the broker at `baseURL`, like `http://127.0.0.1:7690`. A bad URL fails with the first `send`.
    ///
    /// - Parameters:
    ///   - group: runs the connections.
    ///   - timeoutSeconds: the time for one request, connecting included.
    public init(baseURL: String, group: any EventLoopGroup, timeoutSeconds: Int = 10) {
        address = Result { () throws(TransportError) in try ClientAddress(broker: baseURL) }
        self.group = group
        timeout = .seconds(Int64(timeoutSeconds))
    }

    /// Where it leads, for errors.
    var name: String { (try? address.get())?.hostHeader ?? "the broker" }

    /// Sends one request and waits for its whole answer; `path` may hold a query, and begins with a slash.
    ///
    /// Fails with `TransportError`: `.refused` when nothing listens, `.timeout`, `.closed` when the connection ended
    /// before the answer, `.handshake` when the answer is no HTTP, `.address` for a bad URL, path, method or header. A
    /// request that a connection kept from before swallowed, before any byte of an answer, is sent once more on a new
    /// connection, because servers close idle connections at any moment; only for methods that change nothing, others
    /// fail with `.closed`.
    public func send(
        method: String, path: String, headers: [(String, String)], body: [UInt8]
    ) async throws -> (status: Int, headers: [(String, String)], body: [UInt8]) {
        let address = try address.get()
        let request = try Self.request(method, path, headers, body, host: address.hostHeader)
        let deadline = NIODeadline.now() + timeout
        let kept = takeIdle()
        if let kept {
            do {
                return try await exchange(request, on: kept, isHead: method == "HEAD", deadline, address)
            } catch let error as TransportError where error.code == .closed && (method == "GET" || method == "HEAD") {
                // Falls through to a new connection.
            }
        }
        let fate = ConnectionFate()
        let channel = try await address.connect(group: group, deadline: deadline) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(HTTPClientHandler(address, fate))
            }
        }
        return try await exchange(request, on: channel, isHead: method == "HEAD", deadline, address, fate)
    }

    /// Closes the kept connection; later requests still work, on connections that are not kept.
    public func close() async {
        let channel = idle.withLock { idle in
            defer { idle = (nil, true) }
            return idle.channel
        }
        try? await channel?.close().get()
    }

    deinit {
        if let channel = takeIdle() { channel.close(promise: nil) }
    }

    private func takeIdle() -> (any Channel)? {
        idle.withLock { idle in
            defer { idle.channel = nil }
            return idle.channel.flatMap { $0.isActive ? $0 : nil }
        }
    }

    private func keep(_ channel: any Channel) {
        let surplus = idle.withLock { idle -> (any Channel)? in
            guard idle.channel == nil, !idle.isClosed else { return channel }
            idle.channel = channel
            return nil
        }
        surplus?.close(promise: nil)
    }

    private func exchange(
        _ request: ByteBuffer, on channel: any Channel, isHead: Bool, _ deadline: NIODeadline, _ address: ClientAddress,
        _ fate: ConnectionFate? = nil
    ) async throws -> (status: Int, headers: [(String, String)], body: [UInt8]) {
        let promise = channel.eventLoop.makePromise(of: HTTPResponse.self)
        let timer = channel.eventLoop.scheduleTask(deadline: deadline) {
            promise.fail(ClientAddress.timeout(address.hostHeader))
            channel.close(promise: nil)
        }
        channel.writeAndFlush(HTTPClientHandler.Call(request: request, isHead: isHead, promise: promise))
            .whenFailure { promise.fail(fate?.problem ?? ClientAddress.closed(address.hostHeader, FaultWords.of($0))) }
        do {
            let response = try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            timer.cancel()
            if response.keepAlive { keep(channel) } else { channel.close(promise: nil) }
            return (response.status, response.headers.map { ($0.name, $0.value) }, response.body)
        } catch {
            timer.cancel()
            channel.close(promise: nil)
            throw error as? TransportError ?? ClientAddress.closed(address.hostHeader, FaultWords.of(error))
        }
    }

    private static func request(
        _ method: String, _ path: String, _ headers: [(String, String)], _ body: [UInt8], host: String
    ) throws(TransportError) -> ByteBuffer {
        let isClean = headers.allSatisfy { name, value in
            !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
                && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        }
        guard isClean, !method.isEmpty, method.utf8.allSatisfy({ $0 >= 0x41 && $0 <= 0x5A }), path.hasPrefix("/"),
            path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw TransportError(
                .address,
                "The request cannot be written: the method is capitals, the path begins with a slash and is "
                    + "percent-encoded, and headers hold no control characters.")
        }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(body.count + path.utf8.count + 512)
        buffer.writeString("\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n")
        for (name, value) in headers where !["host", "content-length", "connection"].contains(name.lowercased()) {
            buffer.writeString("\(name): \(value)\r\n")
        }
        if !body.isEmpty || method == "POST" || method == "PUT" || method == "PATCH" {
            buffer.writeString("Content-Length: \(body.count)\r\n")
        }
        buffer.writeString("\r\n")
        buffer.writeBytes(body)
        return buffer
    }
}

/// Why a new connection was of no use, when it ended before the request was handed to it.
private final class ConnectionFate: Sendable {
    private let known = Mutex<TransportError?>(nil)

    var problem: TransportError? {
        get { known.withLock { $0 } }
        set { known.withLock { $0 = newValue } }
    }
}

/// One request at a time on one connection.
private final class HTTPClientHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Call
    typealias OutboundOut = ByteBuffer

    struct Call: Sendable {
        var request: ByteBuffer
        var isHead: Bool
        var promise: EventLoopPromise<HTTPResponse>
    }

    private let address: ClientAddress
    private var call: Call?
    private var parser = HTTPResponseParser()
    private let fate: ConnectionFate

    init(_ address: ClientAddress, _ fate: ConnectionFate) {
        self.address = address
        self.fate = fate
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let call = unwrapOutboundIn(data)
        self.call = call
        parser = HTTPResponseParser(isHead: call.isHead)
        context.write(wrapOutboundOut(call.request), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        // Bytes that no request asked for: the connection is of no use any more.
        guard call != nil else { return context.close(promise: nil) }
        parser.input.writeBuffer(&bytes)
        read(context, isEnd: false)
    }

    func channelInactive(context: ChannelHandlerContext) {
        read(context, isEnd: true)
        finish(.failure(fate.problem ?? ClientAddress.closed("the broker", "before the answer was complete")))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fate.problem = address.ended(error)
        finish(.failure(address.ended(error)))
        context.close(promise: nil)
    }

    private func read(_ context: ChannelHandlerContext, isEnd: Bool) {
        guard call != nil else { return }
        do throws(TransportError) {
            guard var response = try parser.next(isEnd: isEnd) else { return }
            if parser.input.readableBytes > 0 { response.keepAlive = false }
            finish(.success(response))
        } catch {
            finish(.failure(error))
            context.close(promise: nil)
        }
    }

    private func finish(_ result: Result<HTTPResponse, TransportError>) {
        guard let call else { return }
        self.call = nil
        switch result {
        case .success(let response): call.promise.succeed(response)
        case .failure(let error): call.promise.fail(error)
        }
    }
}
