public import Logging
import MeshCore
public import MeshSDK
public import MeshSim
import Synchronization

/// Runs a simulation on a mesh as an ordinary peer: seats are taken and played by messages, its state is under
/// `sim:<domain>:`. `ControllerMachine` makes all decisions; this type only carries messages.
///
/// ```swift
/// let controller = try SimController(host, client: client, settings: settings)
/// let end = try await controller.run { line in try writer.append(line) }
/// ```
public final class SimController<Rules: Scenario>: Sendable {
    /// How long an unread message to a peer is kept: it is soon outdated.
    static var messageLifeMillis: Int64 { 120_000 }
    /// The maximum number of messages in flight to the broker.
    static var sendsAtOnce: Int { 256 }

    /// Input with its time of arrival, so that input queued while messages are sent does not become late.
    private struct Arrival: Sendable {
        var event: Event
        var time: Int64
    }

    private typealias Output = ControllerMachine<Rules>.Output

    private enum Event: Sendable {
        case message(Message)
        case left(String)
        case clock(ClockUpdate)
        case imported([SealedImport], domain: String, by: StateUpdate.Author)
        case wake
        case stop(String)
    }

    private let client: MeshClient
    private let machine: Mutex<ControllerMachine<Rules>>
    private let settings: ControllerSettings
    private let logger: Logger
    private let events: AsyncStream<Arrival>
    private let incoming: AsyncStream<Arrival>.Continuation
    private let origin = ContinuousClock.now
    /// When the loop is woken next; one wake-up for all, since each message asks for one.
    private let nextWake = Mutex<Int64?>(nil)
    /// Messages received and not yet processed.
    private let waiting = Mutex(0)
    /// Their maximum number; the broker holds back the others.
    private static var maximumWaiting: Int { 1_024 }
    private let meter = Mutex(ControllerMeter())
    private let measure: (@Sendable (ControllerTiming) -> Void)?

    /// Makes a controller over a client that is or will be running. `measure` gets the cost of each tick. Fails
    /// when a setting is invalid.
    public init(
        _ host: SimHost<Rules>, client: MeshClient, agents: [LocalAgent] = [],
        settings: ControllerSettings = ControllerSettings(), logger: Logger = Logger(label: "mesh.sim"),
        measure: (@Sendable (ControllerTiming) -> Void)? = nil
    ) throws {
        self.client = client
        self.settings = settings
        self.logger = logger
        self.measure = measure
        machine = Mutex(try ControllerMachine(host, agents: agents, settings: settings))
        (events, incoming) = AsyncStream.makeStream()
    }

    /// Restores a controller from the last checkpoint of a record, with its seats and their holders.
    public init(
        resuming recording: SimRecording, budget: ObservationBudget = .none, client: MeshClient,
        agents: [LocalAgent] = [], settings: ControllerSettings = ControllerSettings(),
        logger: Logger = Logger(label: "mesh.sim")
    ) throws {
        self.client = client
        self.settings = settings
        self.logger = logger
        measure = nil
        machine = Mutex(
            try ControllerMachine(resuming: recording, budget: budget, agents: agents, settings: settings))
        (events, incoming) = AsyncStream.makeStream()
    }

    /// The current simulation.
    public var host: SimHost<Rules> { machine.withLock { $0.host } }
    /// The number of ticks that began behind real time, and the maximum lag in milliseconds.
    public var overruns: (count: Int64, maximumLagMillis: Int64) { machine.withLock { $0.overruns } }

    /// Ends the run; an open tick is not sealed.
    public func stop(_ reason: String) { arrive(.stop(reason)) }

    /// Runs to the end. Every line is passed to `record` before its content is sent to anyone. Fails when
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

    private var nanoseconds: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - origin).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    private var now: Int64 { nanoseconds / 1_000_000 }

    private func arrive(_ event: Event) { incoming.yield(Arrival(event: event, time: now)) }

    // MARK: What comes in

    /// Receives messages only as fast as they are processed.
    private func listen() async throws {
        for await message in client.messages {
            waiting.withLock { $0 += 1 }
            arrive(.message(message))
            // A wait of real time: what it holds back is the broker's sending, which no test's clock moves.
            while waiting.withLock({ $0 }) > Self.maximumWaiting { try await Task.sleep(for: .milliseconds(5)) }
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
            if case .peerLeft(let facts) = event, let key = facts["pubkey"]?.stringValue { arrive(.left(key)) }
        }
    }

    private func followClock() async throws {
        for await update in try await client.watchClock() { arrive(.clock(update)) }
    }

    /// What another domain seals, as soon as it is published.
    private func followDomain(_ domain: String) async throws {
        let key = try SimKey.make(domain, SealedExports.key)
        for await update in try await client.watchState(prefix: key) {
            let values: [(value: JSON, author: StateUpdate.Author)] =
                switch update {
                case .snapshot(let entries, _):
                    entries.filter { $0.key == key }.map { ($0.value, .init(name: $0.updatedBy, key: $0.updatedByKey)) }
                case .changes(let changes, _, let author):
                    changes.filter { $0.key == key }.map { ($0.value, author) }
                }
            for (value, author) in values {
                guard let stamped = try? StampedValue(json: value) else { continue }
                let read = SealedExports.read(stamped.value, domain: domain, run: settings.run)
                if !read.isEmpty { arrive(.imported(read, domain: domain, by: author)) }
            }
        }
    }

    // MARK: The loop

    private func work(_ record: @Sendable (SimRecording.Tick) async throws -> Void) async throws -> SimEnd {
        if let end = try await perform(try machine.withLock { try $0.begin(now: now) }, record) { return end }
        var clockBase: Int64?
        var authors = DomainAuthors(settings.inputs)
        for await arrival in events {
            if case .imported(_, let domain, let author) = arrival.event, !authors.accepts(author.key, of: domain) {
                let facts: Logger.Metadata = [
                    "domain": "\(domain)", "by": "\(author.name)", "key": "\(author.key?.hex ?? "none")",
                ]
                logger.warning("somebody else writes a domain's values", metadata: facts)
                continue
            }
            if case .message = arrival.event { waiting.withLock { $0 -= 1 } }
            let begun = nanoseconds
            let outputs = handle(arrival, &clockBase)
            let isSealed = note(outputs, since: begun)
            if let end = try await perform(outputs, record) { return end }
            if isSealed { finishTick() }
        }
        throw CancellationError()
    }

    private func handle(_ arrival: Arrival, _ clockBase: inout Int64?) -> [Output] {
        machine.withLock { machine in
            switch arrival.event {
            case .message(let message): return take(message, arrival.time, &machine)
            case .left(let key): return machine.lost(key, now: arrival.time)
            case .clock(let update):
                let tick: Int64
                switch update {
                case .status(let status): tick = status.tick
                case .tick(let number): tick = number
                }
                let base = clockBase ?? tick
                clockBase = base
                return machine.clock(tick - base, now: arrival.time)
            case .imported(let values, _, _): return values.flatMap { machine.imported($0, now: arrival.time) }
            case .wake:
                nextWake.withLock { $0 = nil }
                return machine.time(arrival.time)
            case .stop(let reason): return machine.time(arrival.time, stop: reason)
            }
        }
    }

    private func take(_ message: Message, _ now: Int64, _ machine: inout ControllerMachine<Rules>) -> [Output] {
        // Ignores messages without a key: notices of the mesh, and forgeries of a broker.
        guard let key = message.from.memberKey else { return [] }
        let member = SimMember(key, name: message.from.name)
        let address = (message.from.sessionKey ?? key).hex
        do throws(SimProtocolError) {
            let parsed = try SimMessage.parse(message.text)
            meter.withLock { $0.add(message.text, parsed) }
            return machine.receive(parsed, from: address, member: member, now: now)
        } catch {
            return [.send(error.answer, to: address)]
        }
    }

    /// Carries out effects: records first, then sends. Returns the end when the run is over.
    private func perform(
        _ outputs: [Output], _ record: @Sendable (SimRecording.Tick) async throws -> Void
    ) async throws -> SimEnd? {
        var sends: [(message: SimMessage, address: String)] = []
        var end: SimEnd?
        for output in outputs {
            switch output {
            case .record(let line):
                // Messages of one tick are all with the broker before those of the next one.
                await send(sends)
                sends = []
                let begun = nanoseconds
                try await record(line)
                let taken = nanoseconds - begun
                meter.withLock { $0.timing.recordingNanos += taken }
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

    /// Sends messages, in order for each peer. One that cannot be sent is dropped and logged: its seat is then late.
    private func send(_ messages: [(message: SimMessage, address: String)]) async {
        guard !messages.isEmpty else { return }
        let begun = nanoseconds
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
        let taken = nanoseconds - begun
        meter.withLock { $0.timing.sendingNanos += taken }
    }

    private func send(_ messages: [SimMessage], to address: String) async {
        for message in messages {
            do {
                var outgoing = Outgoing(to: address, text: try encoded(message))
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

    /// Comes back to the machine at a time, or at once, unless that is so already.
    private func wake(at time: Int64?) {
        guard let time else { return }
        let isNew = nextWake.withLock { next in
            if let next, next <= time { return false }
            next = time
            return true
        }
        guard isNew else { return }
        let wait = time - now
        if wait <= 0 {
            arrive(.wake)
        } else {
            // Real time: it waits for the pace of people and for deadlines, which a test sets as short as it likes. Ends by
            // itself: a wake-up that is not needed any more does nothing.
            Task { [weak self] in
                try? await Task.sleep(for: .milliseconds(wait))
                self?.arrive(.wake)
            }
        }
    }

    // MARK: Measuring

    private func encoded(_ message: SimMessage) throws -> String {
        let begun = nanoseconds
        let text = try message.text()
        let taken = nanoseconds - begun
        meter.withLock { $0.add(message, text, taken) }
        return text
    }

    /// Records the cost of an event; returns whether it sealed a tick.
    private func note(_ outputs: [Output], since begun: Int64) -> Bool {
        let taken = nanoseconds - begun
        let sealed = outputs.compactMap { output -> Int64? in
            if case .record(let line) = output { line.tick } else { nil }
        }
        meter.withLock { $0.add(sealed.last, at: begun, taken) }
        return !sealed.isEmpty
    }

    private func finishTick() {
        let done = meter.withLock { meter in
            defer { meter = ControllerMeter() }
            return meter.timing
        }
        measure?(done)
    }
}
