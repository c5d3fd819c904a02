import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The pause before accepting is retried, as a value: a tenth of a second, then doubled each time, up to a
/// second.
package struct AcceptBackoff: Sendable {
    private static let firstMillis: Int64 = 100
    private static let lastMillis: Int64 = 1_000
    /// Consecutive failures.
    package private(set) var failures = 0

    package init() {}

    /// Accepting has failed: the pause in milliseconds.
    package mutating func failed() -> Int64 {
        failures += 1
        return min(Self.firstMillis << Int64(min(failures - 1, 16)), Self.lastMillis)
    }

    /// Accepting has worked; true when it had failed before.
    package mutating func worked() -> Bool {
        defer { failures = 0 }
        return failures > 0
    }
}

/// Runs before the acceptor of a listening socket. When no descriptor is left, accepting fails at once each time, as
/// long as a client waits to be accepted: this handler pauses in between.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let observer: GatewayObserver
    private var backoff = AcceptBackoff()
    private var isPausing = false

    init(observer: GatewayObserver) { self.observer = observer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if backoff.worked() { observer.acceptFailed(nil, 0, 0) }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError else { return context.fireErrorCaught(error) }
        guard !isPausing else { return }
        isPausing = true
        let pause = backoff.failed()
        observer.acceptFailed(Self.text(of: error), backoff.failures, pause)
        // The channel remembers its wish to read after a failure: it must be cleared.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(pause)) { [self] in
            isPausing = false
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    private static func text(of error: any Error) -> String {
        guard let code = (error as? IOError)?.errnoCode else { return "\(error)" }
        return code == EMFILE || code == ENFILE
            ? "no file descriptors are left (too many open files)" : String(cString: strerror(code))
    }
}
