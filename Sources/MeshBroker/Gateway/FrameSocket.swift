package import MeshCore
package import NIOCore

/// One WebSocket connection of the broker. Confined to its event loop: every call must come from there.
///
/// Frames are collected by `write` and leave together with `flush`, which also happens by itself at the end of each
/// burst of input.
package final class FrameSocket {
    private enum State {
        /// Both directions are open.
        case open
        /// Our close frame is sent; the peer's is awaited and everything else it sends is dropped.
        case closing
        /// Both sent a close frame, or the input is invalid: only the end of the connection is awaited.
        case ended
    }

    /// The event loop of the socket.
    package let eventLoop: any EventLoop
    /// The other end, if the system knows it.
    package let remoteAddress: SocketAddress?
    /// Whether the other end is on this machine.
    package let isLoopback: Bool

    private static let closeSeconds = 5
    /// A batch of this size is sent without waiting for the flush.
    private static let batchBytes = 65_536
    /// A frame of this size is sent at once: many connections written at the same time would each keep a copy.
    private static let largeFrame = 8_192

    private let configuration: GatewayConfiguration
    private let handler: any FrameHandler
    private let context: ChannelHandlerContext
    private var decoder: WebSocketDecoder
    private var state = State.open
    private var isGone = false
    private var isParsing = false
    private var hasToldEnd = false
    private var isPaused = false
    private var input = ByteBuffer()
    private var pending = ByteBuffer()
    private var inFlight = 0
    /// The unsent bytes of the member's connections, and this one's part of them.
    private var unsent: UnsentBytes?
    private var counted = 0
    /// Held until what is pending is sent.
    private var leases: [AnswerLease] = []
    private var pingWindow = NIODeadline.uptimeNanoseconds(0)
    private var pingsInWindow = 0
    private var pongsInWindow = 0
    /// Unanswered pings.
    private var pingsAsked = 0
    private let observer: GatewayObserver
    private let admitted: @Sendable () -> Void

    init(
        context: ChannelHandlerContext, handler: any FrameHandler, configuration: GatewayConfiguration,
        isLoopback: Bool,
        observer: GatewayObserver, admitted: @escaping @Sendable () -> Void
    ) {
        self.context = context
        self.handler = handler
        self.configuration = configuration
        self.isLoopback = isLoopback
        self.observer = observer
        self.admitted = admitted
        eventLoop = context.eventLoop
        remoteAddress = context.channel.remoteAddress
        decoder = WebSocketDecoder(
            role: .server, maxMessageBytes: min(configuration.maxFrameBytesBeforeHello, configuration.maxFrameBytes),
            takesBinary: configuration.takesBinary)
    }

    /// The peer has identified itself: it no longer counts as a stranger, which must make room for others.
    package func heardHello() { admitted() }

    /// The peer is admitted: from here on frames may have their full size.
    package func admit(_ unsent: UnsentBytes) {
        admitted()
        self.unsent = unsent
        decoder.maxMessageBytes = configuration.maxFrameBytes
        guard !isGone else { return }
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator())
    }

    /// Bytes that were written and not yet sent.
    package var bufferedBytes: Int { pending.readableBytes + inFlight }

    // MARK: - What its user does

    /// Writes a text frame, to be sent with the next flush. A peer that takes its frames too slowly is closed with 1008
    /// "slow_consumer".
    package func write(_ frame: [UInt8]) { write(.text, frame) }

    /// Does the same, and holds a lease until the frame is sent.
    package func write(_ frame: [UInt8], holding lease: AnswerLease) {
        leases.append(lease)
        write(.text, frame)
        if pending.readableBytes == 0 { leases = [] }
    }

    /// Writes a binary frame, under the same rules.
    package func writeBinary(_ frame: [UInt8]) { write(.binary, frame) }

    private func write(_ opcode: WebSocketOpcode, _ frame: [UInt8]) {
        guard state == .open, !isGone else { return }
        guard bufferedBytes + frame.count <= configuration.maxBufferedBytes else {
            pending.clear()
            observer.refused(.slowConsumer)
            return close(.policy("slow_consumer"))
        }
        append(opcode, frame)
        if pending.readableBytes >= Self.batchBytes || frame.count >= Self.largeFrame { flush() }
    }

    /// Sends what was written.
    package func flush() {
        guard pending.readableBytes > 0, !isGone else { return }
        let batch = pending
        pending = ByteBuffer()
        inFlight += batch.readableBytes
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self, leases] _ in
            withExtendedLifetime(leases) { inFlight -= batch.readableBytes }
            if counted > 0 { count() }
        }
        leases = []
        context.writeAndFlush(NIOAny(batch), promise: promise)
        if inFlight > 0 { count() }
        if inFlight > 0, unsent?.isOver == true { shed() }
    }

    /// Counts what the system does not take yet. Most writes are sent by the time that they return, and cost nothing
    /// here.
    private func count() {
        guard let unsent else { return }
        unsent.add(inFlight - counted)
        counted = inFlight
    }

    /// The member leaves too much unread: the connection ends without a close frame, which would wait behind it.
    private func shed() {
        guard state == .open else { return }
        state = .ended
        pending.clear()
        observer.refused(.slowMember)
        eventLoop.assumeIsolated().execute { [self] in
            if !isGone { context.close(promise: nil) }
            tellEnd(.policy("slow_consumer"))
        }
    }

    /// Sends a ping, with at most 125 bytes, and everything written before.
    package func ping(_ payload: [UInt8]) {
        guard state == .open else { return }
        append(.ping, Array(payload.prefix(125)))
        pingsAsked += 1
        flush()
    }

    /// Sends a close frame; the TCP connection ends after the peer's answer, or after 5 seconds. The handler gets no
    /// more messages, and is notified of the end with `reason` right after this call.
    package func close(_ reason: CloseReason) {
        guard state == .open else { return }
        sendClose(reason)
        state = .closing
        resumeReading()
        eventLoop.assumeIsolated().execute { [self] in tellEnd(reason) }
    }

    /// Stops reading from the socket, so that the peer gets backpressure. Messages already read wait as well.
    package func pauseReading() {
        guard !isPaused, state == .open else { return }
        isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    }

    /// Resumes reading.
    package func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        eventLoop.assumeIsolated().execute { [self] in
            guard !isPaused, !isGone else { return }
            parse()
            readComplete()
            if !isPaused { try? context.channel.syncOptions?.setOption(.autoRead, value: true) }
        }
    }

    // MARK: - What the channel does

    func opened(leftover: ByteBuffer) {
        input = leftover
        handler.opened(self)
        parse()
    }

    func received(_ bytes: ByteBuffer) {
        guard state != .ended else { return }
        var bytes = bytes
        input.writeBuffer(&bytes)
        parse()
    }

    func readComplete() {
        if !hasToldEnd { handler.readComplete() }
        flush()
    }

    /// The connection is gone.
    func inactive() {
        isGone = true
        state = .ended
        if isParsing {
            eventLoop.assumeIsolated().execute { [self] in tellEnd(nil) }
        } else {
            tellEnd(nil)
        }
    }

    // MARK: - Frames

    private func parse() {
        guard !isParsing else { return }
        isParsing = true
        // Taken out, so that nothing the handler does can touch the bytes it is reading.
        var buffer = input
        input = ByteBuffer()
        while state != .ended, !isPaused, takeFrame(&buffer) {}
        if state == .ended { buffer.clear() }
        keep(buffer)
        isParsing = false
    }

    /// Keeps what is left, without holding on to a large empty buffer.
    private func keep(_ buffer: ByteBuffer) {
        if buffer.readableBytes == 0 {
            guard buffer.capacity <= 16_384 else { return }
            input = buffer
            input.clear()
        } else {
            input = buffer
            input.discardReadBytes()
        }
    }

    /// Handles one frame; false when there is no complete one.
    private func takeFrame(_ buffer: inout ByteBuffer) -> Bool {
        var consumed = 0
        let goesOn = buffer.withUnsafeMutableReadableBytes { bytes in
            let step = decoder.next(in: bytes)
            if case .message(let range, let count) = step {
                consumed = count
                hand(UnsafeRawBufferPointer(rebasing: bytes[range]))
                return true
            }
            return handle(step, &consumed)
        }
        buffer.moveReaderIndex(forwardBy: consumed)
        return goesOn
    }

    private func handle(_ step: WebSocketStep, _ consumed: inout Int) -> Bool {
        switch step {
        case .needsBytes: return false
        case .fragment(let count), .message(_, let count): consumed = count
        case .assembled(let text, let count):
            consumed = count
            text.withUnsafeBytes { hand($0) }
        case .ping(let payload, let count):
            consumed = count
            if state == .open { answerPing(payload) }
        case .pong(let payload, let count):
            consumed = count
            if state == .open, isExpectedPong() { handler.pong(payload) }
        case .close(let reason, let count):
            consumed = count
            let told = reason ?? CloseReason(code: 1005, reason: "")
            if state == .open { sendClose(told) }
            end(told)
        case .failed(let reason):
            observer.refused(Self.refusal(of: reason))
            fail(reason)
        }
        return true
    }

    /// Passes a whole message to the user of this socket.
    private func hand(_ message: UnsafeRawBufferPointer) {
        guard state == .open else { return }
        if configuration.takesBinary, decoder.messageOpcode == .binary {
            handler.binary(message)
        } else {
            handler.text(message)
        }
    }

    private func openWindow() {
        let now = NIODeadline.now()
        guard now - pingWindow >= .seconds(1) else { return }
        pingWindow = now
        pingsInWindow = 0
        pongsInWindow = 0
    }

    /// Whether a pong answers one of our pings, or is one of the few a second that are unsolicited.
    private func isExpectedPong() -> Bool {
        if pingsAsked > 0 {
            pingsAsked -= 1
            return true
        }
        openWindow()
        pongsInWindow += 1
        guard pongsInWindow > configuration.pingsPerSecond else { return true }
        observer.refused(.pongFlood)
        fail(.policy("pong flood"))
        return false
    }

    private static func refusal(of reason: CloseReason) -> GatewayRefusal {
        switch reason {
        case .tooBig: .frameTooLarge
        case .tooManyFragments: .tooManyFragments
        default: .brokenFrame
        }
    }

    private func answerPing(_ payload: [UInt8]) {
        openWindow()
        pingsInWindow += 1
        guard pingsInWindow <= configuration.pingsPerSecond else {
            observer.refused(.pingFlood)
            return fail(.policy("ping flood"))
        }
        append(.pong, payload)
        if bufferedBytes > configuration.maxBufferedBytes {
            observer.refused(.slowConsumer)
            close(.policy("slow_consumer"))
        }
    }

    private func append(_ opcode: WebSocketOpcode, _ payload: [UInt8]) {
        let size = payload.count + WebSocketEncoder.maxHeaderBytes
        pending.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { out in
            payload.withUnsafeBytes { WebSocketEncoder.write(opcode, $0, to: out) }
        }
    }

    // MARK: - The end

    private func sendClose(_ reason: CloseReason) {
        append(.close, WebSocketClose.payload(reason))
        flush()
        eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(Self.closeSeconds))) { [self] in
            if !isGone { context.close(promise: nil) }
        }
    }

    private func fail(_ reason: CloseReason) {
        if state == .open { sendClose(reason) }
        end(reason)
    }

    /// Nothing more is sent or read here. Our side of the connection is closed; the peer's end, or the timer, closes it
    /// all.
    private func end(_ reason: CloseReason?) {
        state = .ended
        isPaused = false
        if !isGone { context.close(mode: .output, promise: nil) }
        eventLoop.assumeIsolated().execute { [self] in tellEnd(reason) }
    }

    private func tellEnd(_ reason: CloseReason?) {
        guard !hasToldEnd else { return }
        hasToldEnd = true
        handler.closed(reason)
    }
}
