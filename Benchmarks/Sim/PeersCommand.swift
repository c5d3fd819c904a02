import ArgumentParser
import Histogram
import Logging
import MeshCore
import MeshSDK
import MeshSim
import MeshSimLive
import NIOPosix
import Synchronization

/// `sim-load peers`
struct PeersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers", abstract: "Play the seats of peers of a mesh, each a session of its own.")

    @Option(help: "The first peer of standard input that plays, from 0.") var first = 0
    @Option(help: "How many play; the rest when absent.") var count: Int?
    @Option(help: "each, whole or none: how they acknowledge.") var acknowledge = "each"
    @Option(help: "Think so many milliseconds before every action.") var thinkMillis: Int64 = 0
    @Option(help: "From this tick on they think; 0: from the beginning.") var thinkFrom: Int64 = 0
    @Option(help: "Die at this tick without a goodbye.") var dieAt: Int64?

    func validate() throws {
        guard SimPeer.Acknowledgement(rawValue: acknowledge) != nil else {
            throw ValidationError("--acknowledge is each, whole or none")
        }
        guard first >= 0, count ?? 1 >= 1, (0...600_000).contains(thinkMillis) else {
            throw ValidationError("--first is from 0, --count from 1, --think-millis 0 to 600000")
        }
    }

    func run() async throws {
        LoadSystem.raiseFileLimit()
        let all = try LoadMesh.readAll()
        guard let controller = all.first else { throw ValidationError("standard input names nobody") }
        let peers = all.dropFirst(1 + first).prefix(count ?? .max)
        let trips = RoundTrips()
        let begin = LoadSystem.processorSeconds()
        let ends = await withTaskGroup(of: SimEnd?.self) { tasks in
            for credentials in peers {
                tasks.addTask { await play(credentials, controller.memberName, trips) }
            }
            var ends: [SimEnd] = []
            for await end in tasks { if let end { ends.append(end) } }
            return ends
        }
        LoadSystem.say([
            "played": .integer(Int64(ends.count)), "round_trip": trips.figures,
            "cpu_s": .double(LoadSystem.processorSeconds() - begin),
        ])
    }

    /// A peer from its join to the end of the run.
    private func play(
        _ credentials: Credentials, _ controller: String, _ trips: RoundTrips
    ) async -> SimEnd? {
        var configuration = MeshClient.Configuration()
        configuration.channel = "sim-load"
        let logger = Logger(label: "sim-load") { _ in SwiftLogNoOpLogHandler() }
        let client = MeshClient(
            credentials: credentials,
            connector: WebSocketConnector(
                url: credentials.webSocketURL, group: MultiThreadedEventLoopGroup.singleton, timeoutSeconds: 60),
            configuration: configuration, logger: logger)
        let trip = RoundTrip()
        do {
            let end = try await client.scoped { client in
                var peer = SimPeer(client: client, controller: controller)
                peer.acknowledgement = SimPeer.Acknowledgement(rawValue: acknowledge) ?? .each
                return try await peer.play(SimJoin(name: credentials.memberName, mind: .coded)) { scene in
                    trip.seen(scene.tick)
                    if let dieAt, scene.tick >= dieAt { LoadSystem.die() }
                    if thinkMillis > 0, scene.tick >= thinkFrom {
                        try await Task.sleep(for: .milliseconds(thinkMillis))
                    }
                    trip.acted()
                    return Plaza.mind(scene)
                }
            }
            trips.add(trip.all)
            return end
        } catch {
            return nil
        }
    }
}

/// The round trips of all peers.
final class RoundTrips: Sendable {
    private let histogram = Mutex(LoadSystem.histogram())
    func add(_ durations: [Int64]) {
        histogram.withLock { histogram in for one in durations { histogram.record(nanoseconds: one) } }
    }
    var figures: JSON { histogram.withLock { $0.figures } }
}

/// The times from a peer's action to the observation that follows, in nanoseconds.
final class RoundTrip: Sendable {
    private let state = Mutex<(since: Int64?, durations: [Int64])>((nil, []))
    /// Ticks that are not counted: all peers take their seats in them.
    private static let warmUp: Int64 = 5

    func seen(_ tick: Int64) {
        let now = LoadSystem.nanoseconds()
        state.withLock { state in
            if let since = state.since, tick > Self.warmUp { state.durations.append(now - since) }
            state.since = nil
        }
    }
    func acted() {
        let now = LoadSystem.nanoseconds()
        state.withLock { $0.since = now }
    }
    var all: [Int64] { state.withLock { $0.durations } }
}
