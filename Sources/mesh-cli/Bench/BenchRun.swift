import Histogram
import MeshCore
import MeshSDK
import NIOCore

/// What a measurement saw.
struct BenchOutcome: Sendable {
    var expectedAccepted: Int
    var expectedDelivered: Int
    /// Acknowledged to the sender: durable.
    var accepted = 0
    /// Opened by a recipient for the first time.
    var delivered = 0
    /// Opened again.
    var duplicates = 0
    /// From the first send to the last delivery and acknowledgement.
    var seconds = 0.0
    /// Microseconds from when a message was due to when it was opened.
    var latency = Histogram<UInt64>(
        lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: .three)
    /// Why it ended early.
    var failure: String?

    var isComplete: Bool { accepted == expectedAccepted && delivered == expectedDelivered }
}

/// Runs a measurement from the connections to the last acknowledgement.
enum BenchRun {
    static let group = "bench"
    /// Without any progress for this long, a measurement has failed.
    private static let stallSeconds = 30

    static func measure(_ plan: BenchPlan, _ mesh: BenchMesh, _ gauge: BrokerGauge, _ progress: BenchProgress)
        async throws -> BenchOutcome
    {
        let loop = EventLoops.shared.any()
        let (ends, end) = AsyncStream<Void>.makeStream()
        let load = try await loop.submit {
            NIOLoopBound(try BenchLoad(plan, mesh) { end.finish() }, eventLoop: loop)
        }.get()
        let groups = plan.target == .group ? [GroupMembership(name: group)] : []
        var transports: [WebSocketTransport] = []
        for (number, credentials) in mesh.peers.enumerated() {
            transports.append(
                try await BenchConnection.open(credentials, groups: groups) { load.value.receive($0, at: number) })
            progress.show("connected", number + 1, of: mesh.peers.count)
        }
        try await loop.submit { [transports] in load.value.start(transports, on: loop, load) }.get()
        let watcher = Task { try await watch(load, on: loop, progress) { end.finish() } }
        for await _ in ends {}
        watcher.cancel()
        // The acknowledgements are stored, too, before anything is closed.
        try await gauge.wait(until: plan.waitingBefore + plan.remaining, seconds: 10)
        let outcome = try await loop.submit {
            load.value.stop()
            return load.value.outcome
        }.get()
        for transport in transports { transport.close(.normal) }
        progress.end()
        if let failure = outcome.failure { throw Failure(.failure, "bench", failure) }
        return outcome
    }

    /// Shows the progress, and ends a measurement that makes none.
    private static func watch(
        _ load: NIOLoopBound<BenchLoad>, on loop: any EventLoop, _ progress: BenchProgress,
        _ giveUp: @Sendable () -> Void
    ) async throws {
        var last = -1
        var still = 0
        // A measurement runs in real time: it is looked at twice a second, and writes its progress as often.
        while still < stallSeconds * 2 {
            try await Task.sleep(for: .milliseconds(500))
            let (done, all) = try await loop.submit {
                (load.value.outcome.delivered, load.value.outcome.expectedDelivered)
            }
            .get()
            progress.show("delivered", done, of: all)
            still = done == last ? still + 1 : 0
            last = done
        }
        giveUp()
    }
}

/// How long a new connection takes, with all the history that a measurement has left.
enum HelloProbe {
    /// Milliseconds from the first packet to the answered hello, one connection after the other, ascending.
    static func measure(_ count: Int, _ mesh: BenchMesh) async throws -> [Double] {
        var times: [Double] = []
        for number in 0..<count {
            let session = mesh.peers[number % mesh.peers.count].newSession(label: "probe-\(number)")
            let start = ContinuousClock.now
            let transport = try await BenchConnection.open(session) { _ in }
            let passed = start.duration(to: .now).components
            times.append(Double(passed.seconds) * 1e3 + Double(passed.attoseconds) / 1e15)
            transport.close(.normal)
        }
        return times.sorted()
    }
}

/// Connections that only stay.
struct IdleConnections: Sendable {
    static let perMember = 1_000
    private var transports: [any Transport] = []

    /// Opens connections, each a session of its own.
    static func open(_ count: Int, _ mesh: BenchMesh, _ progress: BenchProgress) async throws -> IdleConnections {
        var idle = IdleConnections()
        for number in 0..<count {
            let session = mesh.sleepers[number / perMember].newSession(label: "idle-\(number)")
            idle.transports.append(try await BenchConnection.open(session) { _ in })
            if number % 100 == 99 { progress.show("idle connections", number + 1, of: count) }
        }
        progress.end()
        return idle
    }

    func close() { for transport in transports { transport.close(.normal) } }
}

/// One line on standard error that says how far it is.
struct BenchProgress: Sendable {
    var isShown: Bool

    func show(_ what: String, _ done: Int, of all: Int) {
        guard isShown else { return }
        let line = "\(what) \(done) of \(all) (\(all == 0 ? 100 : done * 100 / all) %)"
        if SystemCalls.isTerminal(2) {
            SystemCalls.write(Array("\r\u{1B}[K\(line)".utf8), to: 2)
        } else if done == all {
            SystemCalls.write(Array((line + "\n").utf8), to: 2)
        }
    }

    func end() { if isShown, SystemCalls.isTerminal(2) { SystemCalls.write(Array("\r\u{1B}[K".utf8), to: 2) } }
}
