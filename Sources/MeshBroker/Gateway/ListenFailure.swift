import MeshCore
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reports why an address cannot be listened on, and what uses it.
enum ListenFailure {
    /// Milliseconds that a stranger on the address has to identify itself.
    private static let patience: Int64 = 1_000

    /// The error for a person.
    static func describe(
        _ error: any Error, host: String, port: Int, _ group: any EventLoopGroup
    ) async -> MeshError {
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        guard let error = error as? IOError else {
            return MeshError(
                .invalidArgument, "\(host) is no address, and no machine of this name is known",
                hint: "listen on an address of this machine, for example 127.0.0.1")
        }
        switch error.errnoCode {
        case EADDRINUSE:
            let isOurs = await isMeshBroker(host: host, port: port, group)
            return MeshError(
                .busy, "\(address) is taken" + (isOurs ? " by a Mesh broker" : " by another program"),
                hint: isOurs ? "use that one, stop it, or choose another port" : "choose another port")
        case EADDRNOTAVAIL:
            return MeshError(
                .invalidArgument, "this machine has no address \(host)",
                hint: "listen on an address of this machine, for example 127.0.0.1")
        case EACCES:
            return MeshError(
                .invalidArgument, "listening on \(address) is not allowed to this user",
                hint: "ports below 1024 are often kept for the system: choose a higher one")
        default:
            return MeshError(
                .invalidArgument, "\(address) cannot be listened on: \(String(cString: strerror(error.errnoCode)))",
                hint: "choose another address or port")
        }
    }

    /// Asks the program that listens there what it is. One that serves TLS, or does not answer, stays unknown.
    private static func isMeshBroker(host: String, port: Int, _ group: any EventLoopGroup) async -> Bool {
        let loop = group.next()
        let answer = loop.makePromise(of: Bool.self)
        let target = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        let limit = loop.scheduleTask(in: .milliseconds(patience)) { answer.succeed(false) }
        ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(patience))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Question(answer))
                }
            }
            .connect(host: target, port: port)
            .whenFailure { _ in answer.succeed(false) }
        let isOurs = (try? await answer.futureResult.get()) ?? false
        limit.cancel()
        return isOurs
    }

    /// Requests the node's facts, and checks the beginning of the answer.
    private final class Question: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private static let maximumBytes = 8_192
        private let answer: EventLoopPromise<Bool>
        private var text = ""

        init(_ answer: EventLoopPromise<Bool>) { self.answer = answer }

        func channelActive(context: ChannelHandlerContext) {
            let request = "GET /v1/node HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            if text.utf8.count > Self.maximumBytes || text.contains("\"type\":\"node\"") { finish(context) }
        }
        func channelInactive(context: ChannelHandlerContext) { finish(context) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(context) }

        private func finish(_ context: ChannelHandlerContext) {
            answer.succeed(text.contains("\"type\":\"node\""))
            context.close(promise: nil)
        }
    }
}
