import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MeshBroker

/// Work on an I/O loop is done in its order, and never at the cost of the sockets.
@Suite(.timeLimit(.minutes(1))) struct LoopPostTests {
    /// A clock on which every look takes a millisecond.
    private final class Clock: Sendable {
        private let millis = Atomic<Int64>(0)
        var now: NIODeadline {
            .uptimeNanoseconds(UInt64(millis.wrappingAdd(1, ordering: .relaxed).newValue) * 1_000_000)
        }
    }

    private static func post(
        _ loop: any EventLoop, interrupted: @escaping @Sendable () -> Void = {}
    ) -> LoopPost {
        let clock = Clock()
        return LoopPost(loop, now: { clock.now }, interrupted: interrupted)
    }

    // MARK: Sockets

    /// What the loop sees of a socket.
    private final class Reader: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let hasRead = Atomic(false)
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { hasRead.store(true, ordering: .relaxed) }
    }

    /// Work that has more ready before it is done, as a writer has that is faster than the loop.
    private struct Endless: LoopWork {
        let post: LoopPost
        let reader: Reader
        let rest: Int
        let end: EventLoopPromise<Bool>

        mutating func work(until isOver: () -> Bool) -> Bool {
            if reader.hasRead.load(ordering: .relaxed) || rest == 0 {
                end.succeed(reader.hasRead.load(ordering: .relaxed))
            } else {
                post.add(Endless(post: post, reader: reader, rest: rest - 1, end: end))
            }
            return true
        }
    }

    @Test func aWriterThatIsAlwaysFasterLeavesTheSocketsTheirTurn() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let reader = Reader()
        let accepted = loop.makePromise(of: Void.self)
        let server = try await ServerBootstrap(group: group).childChannelInitializer { channel in
            channel.pipeline.addHandler(reader).map { accepted.succeed() }
        }.bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: address).get()
        try await accepted.futureResult.get()
        let post = Self.post(loop)
        let end = loop.makePromise(of: Bool.self)
        post.add(Endless(post: post, reader: reader, rest: 200_000, end: end))
        try await client.writeAndFlush(ByteBuffer(string: "x")).get()
        #expect(try await end.futureResult.get(), "the socket was read while there was work")
        try await client.close()
        try await server.close()
        try await group.shutdownGracefully()
    }

    // MARK: Order

    private struct Steps: LoopWork {
        let name: String
        let log: Log
        var step = 0

        mutating func work(until isOver: () -> Bool) -> Bool {
            while step < 10 {
                log.lines.withLock { $0.append("\(name)\(step)") }
                step += 1
                if isOver() { return step == 10 }
            }
            return true
        }
    }

    private final class Log: Sendable {
        let lines = Mutex<[String]>([])
        let interruptions = Atomic<Int>(0)
    }

    private struct Last: LoopWork {
        let end: EventLoopPromise<Void>
        mutating func work(until isOver: () -> Bool) -> Bool {
            end.succeed()
            return true
        }
    }

    @Test func whatIsInterruptedGoesOnBeforeWhatCameLater() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let log = Log()
        let post = Self.post(loop) { log.interruptions.wrappingAdd(1, ordering: .relaxed) }
        let end = loop.makePromise(of: Void.self)
        for name in ["a", "b", "c"] { post.add(Steps(name: name, log: log)) }
        post.add(Last(end: end))
        try await end.futureResult.get()
        #expect(log.lines.withLock { $0 } == ["a", "b", "c"].flatMap { name in (0..<10).map { "\(name)\($0)" } })
        #expect(log.interruptions.load(ordering: .relaxed) > 2)
    }
}
