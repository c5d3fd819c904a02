public import MeshCore
public import NIOCore

/// Connects to a broker over WebSocket (RFC 6455), with TLS for `wss://`.
public struct WebSocketConnector: TransportConnector {
    private let url: String
    private let group: any EventLoopGroup
    private let timeoutSeconds: Int

    /// - Parameters:
    ///   - url: the broker's socket, like `ws://127.0.0.1:7690/ws`, or `wss://PIN@HOST:7690/ws` with the pin of its key.
    ///   - group: runs the connections.
    ///   - timeoutSeconds: the time for the connection and the upgrade together.
    public init(url: String, group: any EventLoopGroup = MeshEventLoops.shared, timeoutSeconds: Int = 5) {
        self.url = url
        self.group = group
        self.timeoutSeconds = timeoutSeconds
    }

    /// Connects and upgrades. Fails with `TransportError`: `.refused` when nothing listens, `.timeout`, `.closed` when
    /// the line broke in between, `.handshake` when the other end answers no upgrade or shows no trusted certificate,
    /// `.address` for a bad URL or an unknown host.
    public func connect() async throws -> any Transport { try await open() }

    /// Connects and upgrades, for those who use the connection on its loop.
    package func open() async throws -> WebSocketTransport {
        let address = try ClientAddress(url, scheme: "ws")
        let deadline = NIODeadline.now() + .seconds(Int64(timeoutSeconds))
        let loop = group.next()
        let opened = loop.makePromise(of: WebSocketTransport.self)
        let channel: any Channel
        do {
            channel = try await address.connect(group: loop, deadline: deadline) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = WebSocketClientHandler(address: address, opened: opened)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        } catch {
            opened.fail(error)
            throw error
        }
        let timer = loop.scheduleTask(deadline: deadline) {
            opened.fail(ClientAddress.timeout(address.hostHeader))
            channel.close(promise: nil)
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await opened.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
