import ArgumentParser
import Histogram
import Logging
import MeshCore
import MeshSDK
import MeshSim
import MeshSimLive
import NIOPosix
import Synchronization

/// `sim-load control`
struct ControlCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control", abstract: "Run the plaza for peers of a mesh, and print what its ticks have cost.")

    @Option(help: "Ticks that are measured.") var ticks: Int64 = 100
    @Option(help: "Ticks before them, in which the peers take their seats.") var warmUp: Int64 = 6
    @Option(help: "How long a tick waits for its seats, in milliseconds.") var deadline: Int64 = 10_000
    @Option(help: "End after so many seconds, however many ticks there were.") var seconds: Int64 = 60
    @Option(help: "How long to wait for the seats, in seconds.") var patience: Int64 = 120
    @Option(help: "A seat whose verdicts are counted apart; may be repeated.") var aside: [String] = []

    func validate() throws {
        guard ticks >= 1, warmUp >= 5, deadline >= 1, (1...600).contains(seconds), (1...600).contains(patience) else {
            throw ValidationError("--ticks and --deadline are from 1, --warm-up from 5, --seconds, --patience 1 to 600")
        }
    }

    func run() async throws {
        let all = try LoadMesh.readAll()
        guard let owner = all.first, all.count > 1 else { throw ValidationError("standard input names no peers") }
        let seats = all.count - 1
        let ledger = LoadLedger(warmUp: warmUp, aside: Set(aside))
        var parameters = Plaza.Parameters()
        parameters.walkers = seats
        let rules = TickRules(barrier: try Barrier(.all, deadlineMillis: deadline))
        let host = try SimHost<Plaza>(sim: "plaza", parameters: parameters, seed: 1, rules: rules)
        var settings = ControllerSettings()
        settings.ticks = warmUp + ticks
        settings.minimumSeats = seats
        let logger = Logger(label: "sim-load") { _ in SwiftLogNoOpLogHandler() }
        let end: SimEnd = try await MeshClient.withClient(
            credentials: owner, group: MultiThreadedEventLoopGroup.singleton, logger: logger
        ) { [settings] client in
            let controller = try SimController(
                host, client: client, settings: settings, logger: logger, measure: { ledger.note($0) })
            LoadSystem.say(["ready": true])
            return try await withThrowingTaskGroup(of: SimEnd?.self) { tasks in
                tasks.addTask { try await controller.run { ledger.note($0) } }
                tasks.addTask {
                    try await limit(controller, ledger)
                    return nil
                }
                defer { tasks.cancelAll() }
                while let one = try await tasks.next() { if let one { return one } }
                throw CancellationError()
            }
        }
        LoadSystem.say(ledger.figures(seats: seats, end: end))
    }

    /// Ends a run that does not begin or takes too long.
    private func limit(_ controller: SimController<Plaza>, _ ledger: LoadLedger) async throws {
        for _ in 0..<(patience * 4) {
            if ledger.hasBegun { break }
            try await Task.sleep(for: .milliseconds(250))
        }
        if ledger.hasBegun { try await Task.sleep(for: .seconds(seconds)) }
        controller.stop(ledger.hasBegun ? "the time is over" : "not all seats were taken in time")
    }
}
