import MeshCore
import NIOCore

/// What the server requests of all its connections.
enum GatewayEvent: Sendable {
    /// Finish what runs, send this to WebSockets, and end.
    case shutdown(CloseReason)
    /// Too many wait unidentified, this one longest.
    case makeRoom
}

/// One connection: HTTP first, a WebSocket after an upgrade. Requests are answered one by one, in order; pipelined
/// input waits, and beyond a head's worth waits in the socket.
final class GatewayConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Mode {
        /// A request is awaited or arriving.
        case reading
        /// An answer is being made or sent.
        case answering
        case webSocket(FrameSocket)
        /// Our side is closed; input is dropped until the peer closes too.
        case lingering
    }

    let configuration: GatewayConfiguration
    let responder: any HTTPResponder
    let makeHandler: @Sendable (any EventLoop) -> any FrameHandler
    private let isOverLimit: Bool
    let bodies: BodyMemory
    let observer: GatewayObserver
    /// Called once the peer has identified itself.
    private let admitted: @Sendable () -> Void
    /// The room taken by the body that is being received.
    var bodyBytes = 0

    var mode = Mode.reading
    var parser: HTTPRequestParser
    var input = ByteBuffer()
    var head: HTTPRequestHead?
    var path = ""
    var rules: RequestRules?
    var remoteAddress = ""
    var isStopping = false
    var isInputClosed = false
    private var isReadingPaused = false
    private var timer: Scheduled<Void>?
    private var timerCount = 0
    private var hasRequestTimer = false

    init(
        configuration: GatewayConfiguration, responder: any HTTPResponder,
        makeHandler: @escaping @Sendable (any EventLoop) -> any FrameHandler, isOverLimit: Bool, bodies: BodyMemory,
        observer: GatewayObserver, admitted: @escaping @Sendable () -> Void
    ) {
        self.configuration = configuration
        self.responder = responder
        self.makeHandler = makeHandler
        self.isOverLimit = isOverLimit
        self.bodies = bodies
        self.observer = observer
        self.admitted = admitted
        parser = HTTPRequestParser(limits: configuration)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { activate(context) }
    }

    func channelActive(context: ChannelHandlerContext) { activate(context) }

    private func activate(_ context: ChannelHandlerContext) {
        guard rules == nil else { return }
        rules = RequestRules(configuration, localAddress: context.channel.localAddress?.ipAddress)
        remoteAddress = context.channel.remoteAddress?.ipAddress ?? "local"
        if isOverLimit {
            observer.refused(.tooManyConnections)
            return reject(.overloaded, context)
        }
        setTimer(.seconds(Int64(configuration.requestTimeoutSeconds)), context) { $0.close(promise: nil) }
    }

    /// Whether the caller is on this machine; a caller without an IP address came through a local socket.
    var isLoopback: Bool { remoteAddress == "local" || RequestRules.isLoopback(remoteAddress) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        switch mode {
        case .webSocket(let socket): socket.received(bytes)
        case .lingering: break
        case .answering:
            input.writeBuffer(&bytes)
            if input.readableBytes > configuration.maxHeaderBytes { setReading(false, context) }
        case .reading:
            input.writeBuffer(&bytes)
            advance(context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .webSocket(let socket) = mode { socket.readComplete() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancelTimer()
        giveBodyBack()
        if case .webSocket(let socket) = mode { socket.inactive() }
        mode = .lingering
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: inputClosed(context)
        case GatewayEvent.shutdown(let reason): stop(reason, context)
        case GatewayEvent.makeRoom: makeRoom(context)
        default: break
        }
    }

    /// The peer sends no more input. An answer in progress is still delivered; nothing else is left to do.
    private func inputClosed(_ context: ChannelHandlerContext) {
        isInputClosed = true
        if case .answering = mode { return }
        context.close(promise: nil)
    }

    private func stop(_ reason: CloseReason, _ context: ChannelHandlerContext) {
        isStopping = true
        switch mode {
        case .webSocket(let socket): socket.close(reason)
        case .reading: parser.isInside || head != nil ? reject(.stopping, context) : context.close(promise: nil)
        case .answering, .lingering: break
        }
    }

    /// Ends, unless a request of it is being answered: then it is no longer a stranger.
    private func makeRoom(_ context: ChannelHandlerContext) {
        switch mode {
        case .webSocket(let socket):
            socket.close(.policy("too_many_connections"))
            // Its close frame is not awaited: room is needed now.
            context.close(promise: nil)
        case .reading, .lingering: context.close(promise: nil)
        case .answering: isStopping = true
        }
    }

    // MARK: - Tools of the HTTP part

    /// Reserves room for a body before it is read; false when all bodies together take too much.
    func takeRoom(forBody framing: HTTPBodyFraming) -> Bool {
        let bytes =
            switch framing {
            case .length(let count): count
            case .chunked: configuration.maxBodyBytes
            }
        guard bytes > BodyMemory.freeBytes else { return true }
        guard bodies.take(bytes) else { return false }
        bodyBytes = bytes
        return true
    }

    func giveBodyBack() {
        if bodyBytes > 0 { bodies.give(bodyBytes) }
        bodyBytes = 0
    }

    /// Turns the connection into a WebSocket; bytes after the request are its first frames.
    func upgrade(key: String, _ context: ChannelHandlerContext) {
        cancelTimer()
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(WebSocketHandshake.accept(key: key))\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        let socket = FrameSocket(
            context: context, handler: makeHandler(context.eventLoop), configuration: configuration,
            isLoopback: isLoopback, observer: observer, admitted: admitted)
        mode = .webSocket(socket)
        let leftover = input
        input = ByteBuffer()
        socket.opened(leftover: leftover)
    }

    /// Ends the connection so that the peer can still read the answer: our side closes first, then what the peer still
    /// sends is dropped for two seconds at most.
    func linger(_ context: ChannelHandlerContext) {
        mode = .lingering
        input.clear()
        if isInputClosed { return context.close(promise: nil) }
        context.close(mode: .output, promise: nil)
        setReading(true, context)
        setTimer(.seconds(2), context) { $0.close(promise: nil) }
    }

    func setReading(_ on: Bool, _ context: ChannelHandlerContext) {
        guard isReadingPaused == on else { return }
        isReadingPaused = !on
        try? context.channel.syncOptions?.setOption(.autoRead, value: on)
    }

    /// Sets the one timer of the connection; a new one replaces it.
    func setTimer(
        _ delay: TimeAmount, _ context: ChannelHandlerContext, _ action: @escaping (ChannelHandlerContext) -> Void
    ) {
        cancelTimer()
        let count = timerCount
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in
            if count == timerCount { action(context) }
        }
    }

    /// Starts the clock of a request with its first byte, once per request.
    func startRequestTimer(_ context: ChannelHandlerContext) {
        guard !hasRequestTimer else { return }
        setTimer(.seconds(Int64(configuration.requestTimeoutSeconds)), context) { [self] in
            observer.refused(.requestTimeout)
            reject(.timeout, $0)
        }
        hasRequestTimer = true
    }

    func cancelTimer() {
        timerCount += 1
        hasRequestTimer = false
        timer?.cancel()
        timer = nil
    }
}
