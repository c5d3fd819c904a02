import MeshCore
import NIOCore
import NIOHTTP1

/// The client's end of a WebSocket: the upgrade, then frames. Lives on the channel's loop.
final class WebSocketClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State { case upgrading, open, closing, ended }

    /// The largest message that is taken; brokers send frames of their own limit, which may be set higher than ours.
    private static let maxMessageBytes = 16 << 20
    /// Pongs that may wait to be sent: beyond it pings of the broker stay unanswered, as RFC 6455 allows for all but the last.
    private static let maxPongBytes = 65_536
    private static let closeSeconds: Int64 = 5
    private static let burstBytes = 4_096

    private let address: ClientAddress
    private let opened: EventLoopPromise<WebSocketTransport>
    private let key: String
    private var state = State.upgrading
    private var context: ChannelHandlerContext?
    private var response = HTTPResponseParser()
    private var decoder = WebSocketDecoder(role: .client, maxMessageBytes: maxMessageBytes)
    private var input = ByteBuffer()
    private var pending = ByteBuffer()
    private var isParsing = false
    private var handler: (@Sendable (TransportEvent) -> Void)?
    /// Takes text frames instead of the handler, where they arrived.
    private var inPlace: ((UnsafeRawBufferPointer) -> Void)?
    private var hasToldEnd = false
    private var endReason: CloseReason?
    private var random = SecureRandom()

    init(address: ClientAddress, opened: EventLoopPromise<WebSocketTransport>) {
        self.address = address
        self.opened = opened
        var random = SystemRandomNumberGenerator()
        key = WebSocketHandshake.base64((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })
    }

    // MARK: - The channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelActive(context: ChannelHandlerContext) {
        let request =
            "GET \(address.target) HTTP/1.1\r\nHost: \(address.hostHeader)\r\nUpgrade: websocket\r\n"
            + "Connection: Upgrade\r\nSec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        switch state {
        case .upgrading:
            response.input.writeBuffer(&bytes)
            upgrade(context)
        case .open, .closing:
            input.writeBuffer(&bytes)
            parse()
        case .ended: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if state == .open { handler?(.readComplete) }
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        opened.fail(ClientAddress.closed(address.hostHeader, "before the upgrade was done"))
        self.context = nil
        // What arrived before anybody listens is kept for the start.
        if handler == nil, state == .open { return }
        state = .ended
        if isParsing {
            context.eventLoop.assumeIsolated().execute { [self] in tellEnd() }
        } else {
            tellEnd()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        opened.fail(address.ended(error))
        context.close(promise: nil)
    }

    // MARK: - The upgrade

    private func upgrade(_ context: ChannelHandlerContext) {
        do throws(TransportError) {
            guard let answer = try response.next() else { return }
            guard answer.status == 101 else {
                let (peer, json) = (address.hostHeader, try? JSON.parse(answer.body))
                guard let reason = json?["error"]?["message"]?.stringValue else {
                    throw TransportError(
                        .handshake,
                        "\(peer) answered \(answer.status) instead of a WebSocket: it is a gateway in front of the broker, or another program."
                    )
                }
                throw TransportError(
                    .handshake,
                    "\(peer) refused the WebSocket: \(answer.status) \(SafeText.line(reason, limit: 300))")
            }
            guard answer.headers["sec-websocket-accept"] == [WebSocketHandshake.accept(key: key)] else {
                throw TransportError(.handshake, "\(address.hostHeader) answered the upgrade with a wrong key.")
            }
        } catch {
            opened.fail(error)
            return context.close(promise: nil)
        }
        state = .open
        input = response.input
        response.input = ByteBuffer()
        let counter = BufferedCounter()
        // Nothing is parsed before the user listens, so nothing can be lost.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        opened.succeed(WebSocketTransport(channel: context.channel, handler: self, counter: counter))
    }

    // MARK: - The user

    func start(_ handler: @escaping @Sendable (TransportEvent) -> Void) {
        guard self.handler == nil else { return }
        self.handler = handler
        parse()
        if state == .open { handler(.readComplete) }
        flush()
        guard let context else {
            state = .ended
            return tellEnd()
        }
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    }

    /// Sends all frames with one write; `left` is called when they are out or lost.
    func send(_ frames: [[UInt8]], left: @escaping @Sendable () -> Void) {
        guard state == .open, let context else { return left() }
        for frame in frames { append(.text, frame) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in left() }
        flush(promise)
    }

    func receiveInPlace(_ receive: @escaping (UnsafeRawBufferPointer) -> Void) { inPlace = receive }

    func sendInPlace(maximumBytes: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
        guard state == .open else { return }
        makeRoom()
        pending.writeWithUnsafeMutableBytes(minimumWritableBytes: maximumBytes + WebSocketEncoder.maxHeaderBytes) {
            out in
            WebSocketEncoder.write(.text, maximumBytes: maximumBytes, maskKey: newMask(), to: out, fill)
        }
    }

    func flushNow() { flush() }

    func ping(_ payload: [UInt8]) {
        guard state == .open else { return }
        append(.ping, Array(payload.prefix(125)))
        flush()
    }

    func close(_ reason: CloseReason) {
        guard state == .open else { return }
        sendClose(reason)
        state = .closing
        // A transport that is closed before it is started reads for the broker's goodbye alone.
        try? context?.channel.syncOptions?.setOption(.autoRead, value: true)
    }

    // MARK: - Frames

    private func parse() {
        guard !isParsing, handler != nil || state == .closing else { return }
        isParsing = true
        var buffer = input
        input = ByteBuffer()
        while state != .ended, takeFrame(&buffer) {}
        if buffer.readableBytes > 0, state != .ended {
            input = buffer
            input.discardReadBytes()
        } else if buffer.capacity <= 65_536 {
            input = buffer
            input.clear()
        }
        isParsing = false
    }

    private func takeFrame(_ buffer: inout ByteBuffer) -> Bool {
        var text: [UInt8]?
        let step = buffer.withUnsafeMutableReadableBytes { bytes in
            let step = decoder.next(in: bytes)
            guard case .message(let range, _) = step else { return step }
            if let inPlace, state == .open {
                inPlace(UnsafeRawBufferPointer(rebasing: bytes[range]))
            } else {
                text = Array(bytes[range])
            }
            return step
        }
        switch step {
        case .needsBytes: return false
        case .fragment(let consumed): buffer.moveReaderIndex(forwardBy: consumed)
        case .message(_, let consumed):
            buffer.moveReaderIndex(forwardBy: consumed)
            if let text { tell(.text(text)) }
        case .assembled(let text, let consumed):
            buffer.moveReaderIndex(forwardBy: consumed)
            if let inPlace, state == .open { text.withUnsafeBytes(inPlace) } else { tell(.text(text)) }
        case .ping(let payload, let consumed):
            buffer.moveReaderIndex(forwardBy: consumed)
            if state == .open, pending.readableBytes < Self.maxPongBytes, context?.channel.isWritable == true {
                append(.pong, payload)
            }
        case .pong(let payload, let consumed):
            buffer.moveReaderIndex(forwardBy: consumed)
            tell(.pong(payload))
        case .close(let reason, _):
            if state == .open { sendClose(reason ?? .normal) }
            end(reason)
        case .failed(let reason):
            if state == .open { sendClose(reason) }
            end(reason)
        }
        return true
    }

    private func tell(_ event: TransportEvent) {
        if state == .open { handler?(event) }
    }

    private func append(_ opcode: WebSocketOpcode, _ payload: [UInt8]) {
        let mask = newMask()
        let size = payload.count + WebSocketEncoder.maxHeaderBytes
        makeRoom()
        pending.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { out in
            payload.withUnsafeBytes { WebSocketEncoder.write(opcode, $0, maskKey: mask, to: out) }
        }
    }

    /// A new key for each frame, as RFC 6455 wants it.
    private func newMask() -> UInt32 { UInt32.random(in: 1...UInt32.max, using: &random) }

    /// A burst begins with room for several frames, so that it is not moved with each of them.
    private func makeRoom() { if pending.capacity == 0 { pending.reserveCapacity(Self.burstBytes) } }

    private func flush(_ promise: EventLoopPromise<Void>? = nil) {
        guard pending.readableBytes > 0, let context else {
            promise?.succeed()
            return
        }
        let batch = pending
        pending = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(batch), promise: promise)
    }

    // MARK: - The end

    private func sendClose(_ reason: CloseReason) {
        append(.close, WebSocketClose.payload(reason))
        flush()
        context?.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Self.closeSeconds)) { [self] in
            context?.close(promise: nil)
        }
    }

    /// Both sides said goodbye, or the input makes no sense: our side of the line ends once everything is out.
    private func end(_ reason: CloseReason?) {
        if let reason, endReason == nil { endReason = reason }
        state = .ended
        tellEndSoon()
        guard let context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in self.context?.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    private func tellEndSoon() {
        context?.eventLoop.assumeIsolated().execute { [self] in tellEnd() }
    }

    /// Tells the end once; when nobody listens yet, the start does it.
    private func tellEnd() {
        guard !hasToldEnd, state == .ended, let handler else { return }
        hasToldEnd = true
        handler(.closed(endReason))
        self.handler = nil
        inPlace = nil
    }
}
