public import Logging
import MeshCore
public import MeshSDK
public import MeshSim
import Synchronization

/// Runs a simulation on a mesh as an ordinary peer: seats are taken and played by messages to it, its state is published under
/// `sim:<domain>:`. What is decided is decided by `ControllerMachine`; this only carries.
///
/// ```swift
/// let controller = try SimController(host, client: client, settings: settings)
/// let end = try await controller.run { line in try writer.append(line) }
/// ```
public final class SimController<Rules: Scenario>: Sendable {
    /// How long an unread message to a peer is kept: what it says is old soon.
    static var messageLifeMillis: Int64 { 120_000 }
    /// Messages that are on their way to the broker at a time.
    static var sendsAtOnce: Int { 256 }

    private enum Event: Sendable {
        case message(Message)
        case left(String)
        case clock(ClockUpdate)
        case imported([SealedImport], domain: String, by: String)
        case wake
        case stop(String)
    }

    private let client: MeshClient
    private let machine: Mutex<ControllerMachine<Rules>>
    private let settings: ControllerSettings
    private let logger: Logger
    private let events: AsyncStream<Event>
    private let incoming: AsyncStream<Event>.Continuation
    private let origin = ContinuousClock.now
    /// Messages that were taken and not looked at yet, and when a wake-up is due that has not come.
    private let waiting = Mutex<(messages: Int, alarm: Int64?)>((0, nil))
    /// Messages that may wait here; the broker holds back the others.
    private static var maximumWaiting: Int { 1_024 }

    /// Makes a controller over a client that is or will be running. Fails when a setting makes no sense.
    public init(
        _ host: SimHost<Rules>, client: MeshClient, agents: [LocalAgent] = [],
        settings: ControllerSettings = ControllerSettings(), logger: Logger = Logger(label: "mesh.sim")
    ) throws {
        self.client = client
        self.settings = settings
        self.logger = logger
        machine = Mutex(try ControllerMachine(host, agents: agents, settings: settings))
        (events, incoming) = AsyncStream.makeStream()
    }

    /// A controller that goes on from the last checkpoint of a record: with its seats, and with who holds them.
    public init(
        resuming recording: SimRecording, budget: ObservationBudget = .none, client: MeshClient,
        agents: [LocalAgent] = [], settings: ControllerSettings = ControllerSettings(),
        logger: Logger = Logger(label: "mesh.sim")
    ) throws {
        self.client = client
        self.settings = settings
        self.logger = logger
        machine = Mutex(
            try ControllerMachine(resuming: recording, budget: budget, agents: agents, settings: settings))
        (events, incoming) = AsyncStream.makeStream()
    }

    /// The simulation as it is now.
    public var host: SimHost<Rules> { machine.withLock { $0.host } }
    /// Ticks that have begun behind real time, and by how much at most, in milliseconds.
    public var overruns: (count: Int64, maximumLagMillis: Int64) { machine.withLock { $0.overruns } }

    /// Ends the run; a tick that is open is not sealed any more.
    public func stop(_ reason: String) { incoming.yield(.stop(reason)) }

    /// Runs to the end. Every line of the record is handed to `record` before anybody is told what stands in it. Fails when
    /// the client ends, or `record` does.
    @discardableResult
    public func run(record: @Sendable (SimRecording.Tick) async throws -> Void = { _ in }) async throws -> SimEnd {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer { tasks.cancelAll() }
            try await beginState()
            tasks.addTask { try await self.listen() }
            tasks.addTask { await self.follow() }
            if settings.followsClock { tasks.addTask { try await self.followClock() } }
            for input in settings.inputs { tasks.addTask { try await self.followDomain(input.domain) } }
            return try await work(record)
        }
    }

    private var now: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - origin).components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    // MARK: What comes in

    /// Takes messages only as fast as they are looked at.
    private func listen() async throws {
        for await message in client.messages {
            waiting.withLock { $0.messages += 1 }
            incoming.yield(.message(message))
            while waiting.withLock({ $0.messages }) > Self.maximumWaiting {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    /// Takes away what an earlier run has left under this domain: nobody is to take it for this one's. Fails when this run
    /// was made before.
    private func beginState() async throws {
        guard settings.publishes, host.tick == 0 else { return }
        let prefix = SimKey.prefix(host.domain)
        while true {
            let entries = try await client.call(ListState(prefix: prefix, limit: 256)).entries
            for entry in entries where entry.key == prefix + SealedExports.key && !settings.run.isEmpty {
                let known = (try? StampedValue(json: entry.value)).flatMap { SealedExports.run(of: $0.value) }
                guard known != settings.run else {
                    throw SimError(
                        "the run \(settings.run) of \(host.domain) was made before; give this one another name")
                }
            }
            guard !entries.isEmpty else { return }
            try await client.batchState(entries.map { BatchState.Operation(op: .delete, key: $0.key) })
        }
    }

    private func follow() async {
        for await event in client.events {
            if case .peerLeft(let facts) = event, let key = facts["pubkey"]?.stringValue { incoming.yield(.left(key)) }
        }
    }

    private func followClock() async throws {
        for await update in try await client.watchClock() { incoming.yield(.clock(update)) }
    }

    /// What another domain seals, as soon as it is published.
    private func followDomain(_ domain: String) async throws {
        let key = try SimKey.make(domain, SealedExports.key)
        for await update in try await client.watchState(prefix: key) {
            let values: [(value: JSON, author: String)] =
                switch update {
                case .snapshot(let entries, _): entries.filter { $0.key == key }.map { ($0.value, $0.updatedBy) }
                case .changes(let changes, _, let author):
                    changes.filter { $0.key == key }.map { ($0.value, author) }
                }
            for (value, author) in values {
                guard let stamped = try? StampedValue(json: value) else { continue }
                let read = SealedExports.read(stamped.value, domain: domain, run: settings.run)
                if !read.isEmpty { incoming.yield(.imported(read, domain: domain, by: author)) }
            }
        }
    }

    // MARK: The loop

    private func work(_ record: @Sendable (SimRecording.Tick) async throws -> Void) async throws -> SimEnd {
        if let end = try await perform(try machine.withLock { try $0.begin(now: now) }, record) { return end }
        var clockBase: Int64?
        // Whoever first writes a domain's values in a run is that domain; nobody else is believed.
        var authors: [String: String] = [:]
        for await event in events {
            if case .imported(_, let domain, let author) = event {
                guard authors[domain] == nil || authors[domain] == author else {
                    logger.warning(
                        "somebody else writes a domain's values", metadata: ["domain": "\(domain)", "by": "\(author)"])
                    continue
                }
                authors[domain] = author
            }
            if case .message = event { waiting.withLock { $0.messages -= 1 } }
            if case .wake = event { waiting.withLock { $0.alarm = nil } }
            let outputs: [ControllerMachine<Rules>.Output] = machine.withLock { machine in
                switch event {
                case .message(let message): return take(message, &machine)
                case .left(let key): return machine.lost(key, now: now)
                case .clock(let update):
                    let tick: Int64
                    switch update {
                    case .status(let status): tick = status.tick
                    case .tick(let number): tick = number
                    }
                    if clockBase == nil { clockBase = tick }
                    return machine.clock(tick - (clockBase ?? tick), now: now)
                case .imported(let values, _, _):
                    return values.flatMap { machine.imported($0, now: now) }
                case .wake: return machine.time(now)
                case .stop(let reason): return machine.time(now, stop: reason)
                }
            }
            if let end = try await perform(outputs, record) { return end }
        }
        throw CancellationError()
    }

    private func take(_ message: Message, _ machine: inout ControllerMachine<Rules>) -> [ControllerMachine<Rules>
        .Output]
    {
        let address = message.from.sessionKey?.hex ?? message.from.name
        do throws(SimProtocolError) {
            return machine.receive(
                try SimMessage.parse(message.text), from: address, member: message.from.name, now: now)
        } catch {
            return [.send(error.answer, to: address)]
        }
    }

    /// Does what is to be done: records first, then tells. Gives the end when the run is over.
    private func perform(
        _ outputs: [ControllerMachine<Rules>.Output], _ record: @Sendable (SimRecording.Tick) async throws -> Void
    ) async throws -> SimEnd? {
        var sends: [(message: SimMessage, address: String)] = []
        var end: SimEnd?
        for output in outputs {
            switch output {
            case .record(let line):
                // Messages of one tick are all with the broker before those of the next one.
                await send(sends)
                sends = []
                try await record(line)
            case .send(let message, let address): sends.append((message, address))
            case .publish(let changes): try await publish(changes)
            case .fault(let text): logger.warning("a rule failed", metadata: ["fault": "\(text)"])
            case .ended(let last): end = last
            }
        }
        await send(sends)
        if end == nil { wake(at: machine.withLock { $0.nextWake }) }
        return end
    }

    /// Sends messages, each peer's in their order. One that cannot be sent is dropped with a word: its seat is late then.
    private func send(_ messages: [(message: SimMessage, address: String)]) async {
        guard !messages.isEmpty else { return }
        var byPeer: [String: Int] = [:]
        var queues: [(address: String, messages: [SimMessage])] = []
        for (message, address) in messages {
            if let place = byPeer[address] {
                queues[place].messages.append(message)
            } else {
                byPeer[address] = queues.count
                queues.append((address, [message]))
            }
        }
        await withDiscardingTaskGroup { tasks in
            for start in stride(from: 0, to: min(Self.sendsAtOnce, queues.count), by: 1) {
                let share = stride(from: start, to: queues.count, by: Self.sendsAtOnce).map { queues[$0] }
                tasks.addTask { for one in share { await self.send(one.messages, to: one.address) } }
            }
        }
    }

    private func send(_ messages: [SimMessage], to address: String) async {
        for message in messages {
            do {
                var outgoing = Outgoing(to: address, text: try message.text())
                outgoing.priority = .now
                outgoing.ttlMillis = Self.messageLifeMillis
                try await client.send(outgoing)
            } catch {
                logger.notice(
                    "a peer could not be told", metadata: ["peer": "\(address.prefix(12))", "error": "\(error)"])
            }
        }
    }

    /// Writes the values of a tick; the manifest comes last, in the last batch.
    private func publish(_ changes: [StateChange]) async throws {
        for start in stride(from: 0, to: changes.count, by: 256) {
            let operations = changes[start..<min(start + 256, changes.count)].map { change in
                change.value.map { BatchState.Operation(op: .set, key: change.key, value: $0) }
                    ?? BatchState.Operation(op: .delete, key: change.key)
            }
            try await client.batchState(operations)
        }
    }

    /// Comes back to the machine at a time, or at once.
    private func wake(at time: Int64?) {
        guard let time else { return }
        // One that comes earlier is on its way: it plans anew.
        let isPlanned = waiting.withLock { waiting in
            if let alarm = waiting.alarm, alarm <= time { return true }
            waiting.alarm = time
            return false
        }
        guard !isPlanned else { return }
        let wait = time - now
        if wait <= 0 {
            incoming.yield(.wake)
        } else {
            // Unstructured: the loop goes on meanwhile. It ends by itself.
            Task { [incoming] in
                try? await Task.sleep(for: .milliseconds(wait))
                incoming.yield(.wake)
            }
        }
    }
}
