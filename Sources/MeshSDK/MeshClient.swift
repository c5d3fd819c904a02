public import Logging
public import MeshCore
public import NIOCore
public import ServiceLifecycle
import Synchronization

/// A live session: presence, messages, events, watches. It connects again by itself and loses nothing that the broker
/// has accepted.
///
/// ```swift
/// try await MeshClient.withClient(credentials: credentials) { client in
///     try await client.send(Outgoing(to: "bob", text: "hello"))
///     for await message in client.messages { print(message.from.name, message.text) }
/// }
/// ```
public final class MeshClient: Sendable, Service {
    /// How long to wait between attempts to connect.
    public struct Backoff: Sendable, Hashable {
        /// The first wait.
        public var initialMillis: Int64 = 250
        /// The longest.
        public var maximumMillis: Int64 = 30_000
        /// The defaults.
        public init() {}
    }

    /// How a client behaves.
    public struct Configuration: Sendable {
        /// Whether the session is present and gets its messages pushed.
        public var attach = true
        /// Whether to take the place of a live connection of the same session.
        public var replace = false
        /// How the session wants its messages; as before when nil.
        public var messageMode: MessageMode?
        /// The program's name, for the peer list.
        public var channel = "mesh-sdk"
        /// `ai`, `human`, `connector`, ….
        public var peerType: String?
        /// Groups to be in from the start.
        public var groups: [GroupMembership] = []
        /// Events and state changes that wait for a slow reader. Beyond it the oldest events are dropped, and a watch of
        /// the state begins anew with a snapshot. Messages are bounded by the broker's window: what a broker sends beyond it is not taken, and it offers
        /// it again.
        public var bufferLimit = 1_000
        /// A folder that keeps sends until the broker has them, over a crash of this program; nil keeps them in memory.
        public var outboxFolder: String?
        /// How long a message may wait in the outbox before it becomes a dead letter.
        public var outboxMaxAgeMillis: Int64 = 7 * 86_400_000
        /// A folder that takes messages over from the broker before they are handled: a handler that was interrupted by
        /// a crash gets its message again, and one that has returned never does. Nil acknowledges what was handled.
        public var inboxFolder: String?
        /// How to connect again.
        public var backoff = Backoff()
        /// How long a request may take.
        public var requestTimeoutMillis: Int64 = 10_000
        /// What waits: tests bring their own.
        public var clock: any Clock<Duration> = ContinuousClock()
        /// The defaults.
        public init() {}
    }

    let credentials: Credentials
    let configuration: Configuration
    let connector: any TransportConnector
    let sealing: Sealing
    let logger: Logger
    let core: Mutex<ClientCore>
    let outbox: FileOutbox?
    let inbox: FileInbox?
    let outboxSignals: AsyncStream<Void>
    let outboxSignal: AsyncStream<Void>.Continuation
    private let messageStream: AsyncStream<Message>
    private let eventStream: AsyncStream<MeshEvent>
    let messageContinuation: AsyncStream<Message>.Continuation
    let eventContinuation: AsyncStream<MeshEvent>.Continuation

    /// A client over any transport: a WebSocket, or a broker in the same process.
    public init(
        credentials: Credentials, connector: any TransportConnector, configuration: Configuration = .init(),
        logger: Logger = Logger(label: "mesh.client")
    ) {
        self.credentials = credentials
        self.connector = connector
        self.configuration = configuration
        self.logger = logger
        sealing = Sealing(credentials)
        core = Mutex(ClientCore(backoff: configuration.backoff))
        // A folder that cannot be made is told by the first send.
        outbox = configuration.outboxFolder.flatMap { try? FileOutbox(folder: $0) }
        inbox = configuration.inboxFolder.flatMap { try? FileInbox(folder: $0) }
        (outboxSignals, outboxSignal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (messageStream, messageContinuation) = AsyncStream.makeStream()
        (eventStream, eventContinuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(configuration.bufferLimit))
    }

    /// A client over a WebSocket to the broker that the credentials name.
    public convenience init(
        credentials: Credentials, group: any EventLoopGroup = MeshEventLoops.shared,
        configuration: Configuration = .init(),
        logger: Logger = Logger(label: "mesh.client")
    ) {
        self.init(
            credentials: credentials, connector: WebSocketConnector(url: credentials.webSocketURL, group: group),
            configuration: configuration, logger: logger)
    }

    /// Runs a client as long as a body runs, then disconnects. Fails with the client's error or the body's.
    public static func withClient<Value: Sendable>(
        credentials: Credentials, group: any EventLoopGroup = MeshEventLoops.shared,
        configuration: Configuration = .init(),
        logger: Logger = Logger(label: "mesh.client"),
        _ body: @escaping @Sendable (MeshClient) async throws -> Value
    ) async throws -> Value {
        let client = MeshClient(credentials: credentials, group: group, configuration: configuration, logger: logger)
        return try await client.scoped(body)
    }

    /// Runs this client as long as a body runs, then disconnects.
    public func scoped<Value: Sendable>(
        _ body: @escaping @Sendable (MeshClient) async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await self.run()
                return nil
            }
            group.addTask {
                try await self.connected()
                return try await body(self)
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }

    /// Connects and stays connected until the task is cancelled or the service shuts down. Fails when trying again would
    /// not help: another program took over the session, the member was removed, the credentials are wrong.
    public func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.connectAgainAndAgain() }
        } catch is CancellationError {
            // The way to stop a client.
        } catch {
            finish(error)
            throw error
        }
        finish(nil)
    }

    /// Waits until the session is attached. Fails when the client ends before.
    public func connected() async throws {
        try await withCheckedThrowingContinuation { continuation in
            core.withLock { $0.waitUntilAttached(continuation) }?()
        }
    }

    /// The messages that come, opened. A message is acknowledged when the next one is asked for; one that cannot be
    /// opened is refused and counted, never shown. There is one reader: a second one shares the messages.
    public var messages: MessageSequence { MessageSequence(client: self, base: messageStream) }

    /// Hands every message to a body, one at a time; acknowledged when the body has returned. When it throws, the
    /// message stays unacknowledged, is offered again, and the error is thrown on.
    public func handleMessages(_ body: @Sendable (Message) async throws -> Void) async throws {
        for await message in messageStream {
            do { try await body(message) } catch {
                core.withLock { core in
                    core.seen.forget(message.id)
                    core.waiting.end(message.id)
                }
                throw error
            }
            handled(message.id)
        }
        if let error = core.withLock({ $0.ending }) { throw error }
    }

    /// What happens in the mesh. Bounded: a reader that is too slow misses the oldest events.
    public var events: AsyncStream<MeshEvent> { eventStream }

    /// Messages that could not be opened and were refused.
    public var undecryptable: Int { core.withLock { $0.undecryptable } }

    /// Messages that were left with the broker because too many waited here for their handler; it offers them again.
    public var leftWithBroker: Int { core.withLock { $0.waiting.turnedAway } }

    /// Seals a message for each of its recipients and sends it. Returns once it is on the broker's disk. While the
    /// connection is down it waits; after a reconnection the same sealed bytes are sent again, and stored once.
    @discardableResult
    public func send(_ outgoing: Outgoing) async throws(MeshError) -> SendResult {
        try await sendQuestion(outgoing) { _ in }
    }

    /// Sends; `asks` is told before each try who is asked by it.
    func sendQuestion(
        _ outgoing: Outgoing, asks: (AskedPeers) -> Void
    ) async throws(MeshError) -> SendResult {
        var tries = 0
        while true {
            tries += 1
            let resolved = try await resolve(outgoing.target, fresh: tries > 1)
            let send = try sealed(outgoing, for: resolved)
            asks(AskedPeers(resolved, isSealed: send.copies != nil))
            do throws(MeshError) {
                return SendResult(try await deliver(send, outgoing))
            } catch {
                guard error.code == .recipientsChanged, tries < 4 else { throw error }
            }
        }
    }

    /// Makes any request of the protocol. Fails with the broker's error, `invalid_argument` before anything is sent when a field is
    /// not within its bounds, or `busy` when the connection is lost first.
    public func call<Asked: Request>(_ request: Asked) async throws(MeshError) -> Asked.Answer {
        try await counted(request).answer
    }

    /// Makes a request. Returns how many bytes its answer has as well.
    private func counted<Asked: Request>(
        _ request: Asked
    ) async throws(MeshError) -> (answer: Asked.Answer, bytes: Int) {
        try request.checkBounds()
        let (json, bytes) = try await ask(Asked.type, request)
        do throws(JSONError) { return (try JSONCoder.decode(Asked.Answer.self, from: json), bytes) } catch {
            throw MeshError(.internalError, "the broker's answer to \(Asked.type) cannot be read: \(error)")
        }
    }

    /// Makes a request for a list, page by page. Fails as `call`.
    public func callAll<Asked: PagedRequest>(_ request: Asked) async throws(MeshError) -> Asked.Answer {
        var budget = ListBudget()
        return try await request.all { (page) throws(MeshError) in
            let (answer, bytes) = try await self.counted(page)
            try budget.spend(bytes)
            return answer
        }
    }

    /// Seals for what a target was resolved to. What cannot be sealed for is not remembered: the next try asks again.
    func sealed(_ outgoing: Outgoing, for resolved: Resolved) throws(MeshError) -> Send {
        do throws(MeshError) { return try sealing.body(of: outgoing, for: resolved) } catch {
            core.withLock { $0.resolved[outgoing.target.text] = nil }
            throw error
        }
    }

    func resolve(_ target: TargetSpec, fresh: Bool) async throws(MeshError) -> Resolved {
        if !fresh, let known = core.withLock({ $0.resolved[target.text] }) { return known }
        let resolved = try await call(Resolve(targetSpec: target))
        core.withLock { core in
            // What a target reaches is checked by the broker at every send: a stale entry costs one round trip.
            if core.resolved.count >= 10_000 { core.resolved.removeAll() }
            core.resolved[target.text] = resolved
        }
        return resolved
    }
}

/// The messages of a client. Asking for the next one acknowledges the one before.
public struct MessageSequence: AsyncSequence, Sendable {
    /// Hands out the messages.
    public struct Iterator: AsyncIteratorProtocol {
        private let client: MeshClient
        private var base: AsyncStream<Message>.Iterator
        private var last: String?

        init(client: MeshClient, base: AsyncStream<Message>.Iterator) {
            self.client = client
            self.base = base
        }

        /// Acknowledges the last message and waits for the next; nil when the client has ended.
        public mutating func next() async -> Message? {
            if let last { client.handled(last) }
            let message = await base.next()
            last = message?.id
            return message
        }
    }

    fileprivate let client: MeshClient
    fileprivate let base: AsyncStream<Message>

    /// Begins.
    public func makeAsyncIterator() -> Iterator { Iterator(client: client, base: base.makeAsyncIterator()) }
}
