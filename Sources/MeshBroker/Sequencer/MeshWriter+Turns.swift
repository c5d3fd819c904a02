import MeshCore
import MeshEngine
import MeshStore

/// Work in turns: mixed reads and writes, and the rest of a batch that was cut.
extension MeshWriter {
    /// Milliseconds that reads take in one turn before the rest waits.
    private static let readMillis: Int64 = 5
    /// Bytes of answers made in one turn before the rest waits.
    private static let readBytes = 512 << 10
    /// Commands, or reads, of one turn when the previous one could not do all of its own.
    private static let busyTurn = 256
    /// An answer of this size is sent by itself, so that small ones need not wait until it is written.
    private static let largeAnswer = 32 << 10
    /// Reads of one member that may wait; beyond it they get `busy`.
    static let maximumReads = 4_096

    private typealias Taken = (item: Submission, place: Turn.Place)

    /// Takes all waiting work if it is only commands, at most two batches, and the last batch was not cut: it needs no
    /// turns, which would cost more than they give. Nil otherwise.
    func takeLoad(with work: [Submission]) -> [Submission]? {
        guard !busy.commands, queue.parkedCount == 0,
            ahead.count + queue.count + work.count <= 2 * LocalSequencer.maximumBatch,
            !work.contains(where: \.isQuery), !queue.contains(where: \.isQuery)
        else { return nil }
        guard !ahead.isEmpty || !queue.isEmpty else { return work }
        defer { ahead = [] }
        return ahead + queue.removeAll() + work
    }

    /// Applies one batch of commands as they are. The rest of a batch that was cut continues in turns.
    func runLoad(_ load: [Submission]) {
        let output = BatchOutput(answers)
        let batch = load.prefix(LocalSequencer.maximumBatch)
        let done = apply(batch, output)
        output.send()
        FailPoint.pass(.afterAnswer)
        if done == load.count { return }
        busy.commands = done < batch.count
        if busy.commands {
            for submission in load[done...] { queue.add(submission, at: place(of: submission)) }
        } else {
            ahead = Array(load[done...])
        }
    }

    /// The owner and the lane of an item.
    func place(of submission: Submission) -> Turn.Place {
        var session: SessionNumber?
        if case .session(let number, _) = submission.actor { session = number }
        var connection = submission.connection?.id.rawValue
        if let lost = submission.request as? LoseConnection {
            (session, connection) = (SessionNumber(rawValue: lost.session), lost.connection)
        }
        let member = session.flatMap { engine.state.roster.sessions[$0]?.member.rawValue }
        return .init(
            owner: member.map { .member($0) } ?? .node,
            lane: connection.map { .connection($0) } ?? (submission.isQuery ? .calls : .callWrites))
    }

    /// Queues work in its lane, unless too much of its member waits.
    func enqueue(_ submission: Submission) {
        let place = place(of: submission)
        if let lost = submission.request as? LoseConnection {
            // A closed connection reads no answer.
            _ = queue.remove(of: lost.connection, where: \.isQuery)
        }
        if submission.isQuery, place.owner != .node, queue.waits(of: place.owner) >= Self.maximumReads {
            environment.metrics.readRefused()
            let output = BatchOutput()
            output.answer(
                submission,
                .failure(
                    MeshError(
                        .busy, "more than \(Self.maximumReads) requests of this member wait",
                        hint: "wait for answers before you ask for more")))
            return output.send()
        }
        queue.add(submission, at: place)
    }

    /// Does some of the waiting work: commands, then reads, each until their time is used. The rest keeps waiting.
    func runTurn() {
        queue.unpark { answers.hit(at: $0) == nil }
        guard !answers.isBehind() else { return environment.metrics.deliveriesAwaited() }
        var (commands, reads, rest) = take()
        let output = BatchOutput(answers)
        let done = apply(commands.map(\.item)[...], output)
        // Answers to writes are sent before long answers are written.
        if !reads.isEmpty { output.send() }
        var served = Set(commands.prefix(done).map(\.place.owner))
        commands.removeFirst(done)
        let cut = Set(commands.map(\.place))
        // A read sees the writes before it.
        let early = reads.filter { cut.contains($0.place) }
        reads.removeAll { cut.contains($0.place) }
        let left = answer(reads, &served, output)
        output.send()
        FailPoint.pass(.afterAnswer)
        busy = (!commands.isEmpty, !left.isEmpty)
        rest = commands + early + left + rest
        queue.putBack(rest, served: served)
    }

    /// Takes work in turns up to where a lane writes after a read: the order of one connection is kept.
    private func take() -> (commands: [Taken], reads: [Taken], rest: [Taken]) {
        var commands: [Taken] = []
        var reads: [Taken] = []
        var rest: [Taken] = []
        var asked: Set<Turn.Place> = []
        var closed: Set<Turn.Place> = []
        let commandLimit = busy.commands ? Self.busyTurn : LocalSequencer.maximumBatch
        let readLimit = busy.reads ? Self.busyTurn : LocalSequencer.maximumBatch
        while commands.count < commandLimit, let next = queue.next() {
            if closed.contains(next.place) {
                rest.append(next)
            } else if next.item.isQuery, reads.count == readLimit {
                closed.insert(next.place)
                rest.append(next)
            } else if next.item.isQuery {
                asked.insert(next.place)
                reads.append(next)
            } else if asked.contains(next.place) {
                closed.insert(next.place)
                rest.append(next)
            } else {
                commands.append(next)
            }
        }
        return (commands, reads, rest)
    }

    /// Answers reads until their time is used, at least one; returns those that are left.
    private func answer(
        _ reads: [Taken], _ served: inout Set<Turn.Owner>, _ output: BatchOutput
    ) -> [Taken] {
        let turn = TurnClock(environment)
        var made = 0
        var left: [Taken] = []
        var held: Set<Turn.Place> = []
        for (number, read) in reads.enumerated() {
            if held.contains(read.place) {
                left.append(read)
                continue
            }
            if made > 0, made >= Self.readBytes || turn.millis >= Self.readMillis {
                environment.metrics.readsDeferred()
                return left + reads[number...]
            }
            if let hit = answers.hit(at: read.place) {
                environment.metrics.readHeld(hit)
                held.insert(read.place)
                queue.park(read.place)
                left.append(read)
                continue
            }
            let meter = ReadMeter()
            let result = engine.query(
                read.item.request, actor: read.item.actor, connection: read.item.connection?.id, meter: meter)
            if case .failure(let error) = result, error.code == .capacity { environment.metrics.watchRefused() }
            made += meter.bytes
            served.insert(read.place.owner)
            if meter.bytes >= Self.largeAnswer { output.send() }
            output.answer(read.item, result, lease: answers.lease(meter.bytes, at: read.place))
            if meter.bytes >= Self.largeAnswer { output.send() }
        }
        return left
    }

    /// Ends what waits: commands are carried out, reads are answered that the broker stops.
    func finish() {
        let rest = ahead + queue.removeAll()
        ahead = []
        let output = BatchOutput()
        for read in rest where read.isQuery {
            output.answer(
                read, .failure(MeshError(.shuttingDown, "the broker is stopping", hint: "connect again")))
        }
        var commands = rest.filter { !$0.isQuery }[...]
        while !commands.isEmpty { commands = commands.dropFirst(apply(commands, output)) }
        output.send()
    }
}

/// The time a turn has worked: by the wall clock or the thread's, whichever is less. Some systems count the time of a
/// thread in steps of 10 ms.
struct TurnClock {
    private let environment: WriterEnvironment
    private let wall: Int64
    private let work: Int64
    /// Milliseconds of it that the thread did not work, as far as is known.
    private var idle: Int64 = 0

    init(_ environment: WriterEnvironment) {
        self.environment = environment
        wall = environment.monotonicMillis()
        work = environment.workMillis()
    }

    /// Whether it takes long, by a rule that is also true for every longer time.
    mutating func isLong(_ rule: (_ millis: Int64) -> Bool) -> Bool {
        let passed = environment.monotonicMillis() - wall
        // The thread's clock is a system call: it is read only when it decides.
        guard rule(passed - idle) else { return false }
        idle = max(idle, passed - (environment.workMillis() - work))
        return rule(passed - idle)
    }

    /// Milliseconds since its beginning.
    var millis: Int64 {
        let passed = environment.monotonicMillis() - wall
        // The thread's clock is a system call: it is read when the other clock shows that it may matter.
        return passed < 4 ? passed : min(passed, environment.workMillis() - work)
    }
}
