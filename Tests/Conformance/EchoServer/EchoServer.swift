// Sends every message back: the broker's own WebSocket layer with nothing behind it, as conformance suites want it.
import Foundation
import MeshBroker
import MeshCore
import NIOCore
import NIOPosix

final class EchoHandler: FrameHandler {
    private var socket: FrameSocket?
    func opened(_ socket: FrameSocket) {
        self.socket = socket
        // There is no hello to wait for.
        socket.admit(UnsentBytes())
    }
    func text(_ bytes: UnsafeRawBufferPointer) { socket?.write(Array(bytes)) }
    func binary(_ bytes: UnsafeRawBufferPointer) { socket?.writeBinary(Array(bytes)) }
    func pong(_ payload: [UInt8]) {}
    func readComplete() {}
    func closed(_ reason: CloseReason?) { socket = nil }
}

struct NoPages: HTTPResponder {
    func respond(to call: HTTPCall, on loop: any EventLoop) -> EventLoopFuture<HTTPAnswer> {
        loop.makeSucceededFuture(HTTPAnswer(status: 404, contentType: "text/plain"))
    }
}

@main
struct EchoServer {
    static func main() async throws {
        var configuration = GatewayConfiguration()
        configuration.takesBinary = true
        configuration.maxFrameBytes = 32 << 20
        configuration.maxBufferedBytes = 64 << 20
        let server = GatewayServer(
            configuration: configuration, group: MultiThreadedEventLoopGroup.singleton, responder: NoPages(),
            makeHandler: { _ in EchoHandler() })
        let address = try await server.start()
        // The one line that the caller waits for.
        print("ws://127.0.0.1:\(address.port ?? 0)/ws")
        fflush(nil)
        while true { try await Task.sleep(for: .seconds(3_600)) }
    }
}
