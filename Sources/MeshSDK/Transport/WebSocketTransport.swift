package import MeshCore
import NIOCore
import Synchronization

/// A client's WebSocket as a transport. Every call may come from anywhere; the work happens on the channel's loop.
package final class WebSocketTransport: Transport {
    private let channel: any Channel
    private let handler: NIOLoopBound<WebSocketClientHandler>
    private let counter: BufferedCounter

    init(channel: any Channel, handler: WebSocketClientHandler, counter: BufferedCounter) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        self.counter = counter
    }

    package var bufferedBytes: Int { counter.bytes }

    package func start(_ handler: @escaping @Sendable (TransportEvent) -> Void) {
        run { $0.start(handler) }
    }

    package func send(_ frames: [[UInt8]]) {
        guard !frames.isEmpty, channel.isActive else { return }
        let size = frames.reduce(0) { $0 + $1.count }
        counter.add(size)
        run { [counter] in $0.send(frames) { counter.add(-size) } }
    }

    package func ping(_ payload: [UInt8]) {
        if channel.isActive { run { $0.ping(payload) } }
    }

    package func close(_ reason: CloseReason) {
        if channel.isActive { run { $0.close(reason) } }
    }

    // MARK: On the loop

    /// Gives the text frames that follow where they arrived: as memory that stays valid during the call. Only on the
    /// connection's loop.
    package func receiveInPlace(_ receive: @escaping (UnsafeRawBufferPointer) -> Void) {
        handler.value.receiveInPlace(receive)
    }

    /// Adds a text frame that is written where it leaves from: `fill` writes at most `maximumBytes` and returns how many
    /// they are. It leaves with the end of the burst that is being read, or with `flushNow`. Only on the connection's loop.
    package func sendInPlace(maximumBytes: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
        handler.value.sendInPlace(maximumBytes: maximumBytes, fill)
    }

    /// Sends what `sendInPlace` has gathered. Only on the connection's loop.
    package func flushNow() { handler.value.flushNow() }

    /// Always in the order of the calls, also for calls from the loop itself.
    private func run(_ action: @escaping @Sendable (WebSocketClientHandler) -> Void) {
        // A call from the loop must not overtake one from elsewhere that is still on its way there.
        channel.eventLoop.execute { [handler] in action(handler.value) }
    }

    deinit {
        if channel.isActive { run { $0.close(.normal) } }
    }
}

/// Bytes that were handed over and have not left.
final class BufferedCounter: Sendable {
    private let count = Atomic<Int>(0)
    var bytes: Int { count.load(ordering: .relaxed) }
    func add(_ change: Int) { count.add(change, ordering: .relaxed) }
}
