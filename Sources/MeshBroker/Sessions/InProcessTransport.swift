package import MeshCore
import NIOCore
import NIOPosix
import Synchronization

/// Connects clients of the same process to a node: frames are handed over as they are.
package struct InProcessConnector: TransportConnector {
    let node: BrokerNode

    package init(node: BrokerNode) { self.node = node }

    package func connect() async throws -> any Transport {
        let node = node
        guard let made = node.onLoop({ loop in InProcessTransport(node: node, loop: loop) }) else {
            throw TransportError(.closed, "the broker is stopped")
        }
        return try await made.get()
    }
}

/// One connection inside the process.
package final class InProcessTransport: Transport {
    private let loop: any EventLoop
    private let pipe: NIOLoopBoundBox<Pipe>
    private let connection: PeerConnection

    init(node: BrokerNode, loop: any EventLoop) {
        self.loop = loop
        let pipe = Pipe()
        self.pipe = NIOLoopBoundBox(pipe, eventLoop: loop)
        connection = node.connect(pipe, on: loop)
        let connection = connection
        pipe.pong = { payload in loop.execute { connection.pong(payload) } }
    }

    package func start(_ handler: @escaping @Sendable (TransportEvent) -> Void) {
        loop.execute { self.pipe.value.start(handler) }
    }

    package func send(_ frames: [[UInt8]]) {
        loop.execute {
            guard !self.pipe.value.isClosed else { return }
            for frame in frames { frame.withUnsafeBytes { self.connection.text($0) } }
            self.connection.readComplete()
        }
    }

    package func ping(_ payload: [UInt8]) { loop.execute { self.pipe.value.emit(.pong(payload)) } }

    package func close(_ reason: CloseReason) {
        loop.execute {
            guard !self.pipe.value.isClosed else { return }
            self.connection.closed()
            self.pipe.value.close(reason)
        }
    }

    package var bufferedBytes: Int { 0 }

    /// Passes the broker's frames to the client's handler. Confined to the loop.
    private final class Pipe: FrameSink {
        private var handler: (@Sendable (TransportEvent) -> Void)?
        private var waiting: [TransportEvent] = []
        private(set) var isClosed = false
        var pong: (@Sendable ([UInt8]) -> Void)?
        let isLoopback = true

        func start(_ handler: @escaping @Sendable (TransportEvent) -> Void) {
            self.handler = handler
            let events = waiting
            waiting = []
            for event in events { handler(event) }
        }

        func emit(_ event: TransportEvent) {
            if let handler { handler(event) } else { waiting.append(event) }
        }

        func write(_ frame: [UInt8]) { if !isClosed { emit(.text(frame)) } }
        func flush() { if !isClosed { emit(.readComplete) } }
        func ping(_ payload: [UInt8]) { if !isClosed { pong?(payload) } }
        func close(_ reason: CloseReason) {
            guard !isClosed else { return }
            isClosed = true
            emit(.closed(reason))
            handler = nil
            pong = nil
        }
        // Inside a process the caller waits for its answers; there is no transport to hold back.
        func pauseReading() {}
        func resumeReading() {}
    }
}
