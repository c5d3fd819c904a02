import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli bench`
struct BenchCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure a broker: real connections, sealed messages, all of them durable.",
        discussion: """
            Makes a mesh of its own on the broker (the admin token is found as for `mesh create`) and deletes it at the end, \
            also when it fails or is interrupted. It connects the peers, \
            and has each send its messages to others chosen at random. Every message is acknowledged to its sender \
            once it is on disk, and by its recipient once it was opened.

            Without --rate each peer keeps --window messages unanswered: that finds the peak rate. With --rate the \
            latency of a message counts from when it should have been sent, not from when it could be.

            Example: mesh-cli bench --peers 100 --messages 1000 --size 256
            """)

    /// Whom each message addresses.
    enum Target: String, ExpressibleByArgument, CaseIterable { case direct, group, broadcast }

    @Option(help: "How many peers connect, and send unless --senders says otherwise.")
    var peers = 100

    @Option(help: "How many of the peers send; all of them when absent.")
    var senders: Int?

    @Option(help: "How many messages each peer sends.")
    var messages = 1_000

    @Option(help: "Bytes of each message before it is sealed.")
    var size = 256

    @Option(help: "Messages per second and peer; as fast as the window allows when absent.")
    var rate: Double?

    @Option(help: "One other peer, a group of all peers, or everyone.")
    var target = Target.direct

    @Flag(help: "Send a list of copies, as for names that reach several sessions; else one box for one session key.")
    var copies = false

    @Option(help: "How many sent messages of a peer may be unanswered.")
    var window = 64

    @Option(help: "Connections that only stay, beside the peers.")
    var idle = 0

    @Option(help: "The broker's address; $MESH_BROKER, or http://127.0.0.1:7900, when absent.")
    var broker: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        try check("--peers", peers, 2...(target == .direct ? 1_000 : 20_000))
        try check("--senders", senders ?? peers, 1...peers)
        // One mark for each delivery is kept, to see what comes twice.
        guard target == .direct || (senders ?? peers) * peers * messages <= 1_000_000_000 else {
            throw ValidationError("--senders x --peers x --messages is at most 1,000,000,000")
        }
        try check("--messages", messages, 1...10_000_000)
        try check("--size", size, BenchPayload.minimumSize...DeliveryPolicy.maximumBodyBytes)
        try check("--window", window, 1...200)
        try check("--idle", idle, 0...100_000)
        guard !copies || target == .direct else { throw ValidationError("--copies is for --target direct") }
        if let rate, rate <= 0 || rate > 1_000_000 || rate.isNaN {
            throw ValidationError("--rate is above 0 and at most 1000000")
        }
    }

    private func check(_ name: String, _ value: Int, _ valid: ClosedRange<Int>) throws {
        guard valid.contains(value) else {
            throw ValidationError("\(name) is \(valid.lowerBound) to \(valid.upperBound), not \(value)")
        }
    }

    func execute(_ out: Printer) async throws {
        SystemCalls.raiseFileLimit()
        if MeshVersion.isDebugBuild {
            let warning = "warning: this mesh-cli is a debug build; figures need `make release`\n"
            _ = SystemCalls.write(Array(warning.utf8), to: 2)
        }
        let address = try BrokerChoice.address(broker)
        let token = try AdminToken.find()
        let gauge = BrokerGauge(broker: address, token: token, group: EventLoops.shared)
        let report = try await BenchCleanup.run {
            try await BenchMesh.make(broker: address, token: token, peers: peers, idle: idle, group: EventLoops.shared)
        } delete: {
            _ = try await MeshAPI.deleteMesh(
                $0.owner.meshID, broker: address, adminToken: token, group: EventLoops.shared)
        } work: {
            try await measure($0, gauge, BenchProgress(isShown: !out.isJSON && !out.isQuiet))
        } warn: {
            out.warn($0)
        }
        out.result(report.fields) { report.text }
        if let fault = report.fault { throw Failure(.failure, "bench", fault) }
    }

    private func measure(
        _ mesh: BenchMesh, _ gauge: BrokerGauge, _ progress: BenchProgress
    ) async throws -> BenchReport {
        let before = try await gauge.read()
        let resting = try await IdleConnections.open(idle, mesh, progress)
        let quiet = try await gauge.read()
        // Deliveries of other meshes wait, too, and are none of this measurement's.
        let plan = BenchPlan(
            messages: messages, senders: senders ?? peers, size: size, intervalNanos: rate.map { 1e9 / $0 },
            target: target, asCopies: copies, window: window, waitingBefore: quiet.queueDepth)
        let outcome = try await BenchRun.measure(plan, mesh, gauge, progress)
        let after = try await gauge.read()
        let hellos = try await HelloProbe.measure(21, mesh)
        resting.close()

        var report = BenchReport(plan: plan, peers: peers, outcome: outcome)
        report.brokerCPU = after.cpuSeconds - quiet.cpuSeconds
        report.brokerPeakBytes = after.peakBytes
        report.hellos = hellos
        report.queueDepth = max(0, after.queueDepth - plan.waitingBefore)
        if idle > 0 { report.bytesPerIdle = Double(quiet.residentBytes - before.residentBytes) / Double(idle) }
        return report
    }
}

/// What each peer does.
struct BenchPlan: Sendable {
    var messages: Int
    var senders: Int
    var size: Int
    /// Between two messages of a peer; nil sends as fast as the window allows.
    var intervalNanos: Double?
    var target: BenchCommand.Target
    /// Whether direct messages are lists of one copy.
    var asCopies = false
    var window: Int
    /// Deliveries that waited on the broker before the first message.
    var waitingBefore = 0
    /// Deliveries that stay: whoever made the mesh is known to it and away, and a broadcast waits for it.
    var remaining: Int { target == .broadcast ? senders * messages : 0 }
}
