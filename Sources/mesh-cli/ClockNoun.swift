import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli clock …`
struct ClockNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock", abstract: "The mesh's simulation clock: one time for everybody, up to 100 times as fast.",
        discussion: """
            It stops by itself at the first tick for which nobody is connected.

            Examples:
              mesh-cli clock set 10
              mesh-cli clock watch
            """,
        subcommands: [Get.self, SetSpeed.self, Pause.self, Resume.self, Step.self, Watch.self])

    /// `mesh-cli clock get`
    struct Get: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the clock.", discussion: "Example: mesh-cli clock get --json")
        @OptionGroup var options: GlobalOptions
        func execute(_ out: Printer) async throws {
            let status = try await call(GetClock())
            try out.answer(status, isAsked: true) { ClockNoun.text(status) }
        }
    }

    /// `mesh-cli clock set SPEED`
    struct SetSpeed: MeshCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Set its speed; the first time makes it and lets it run.",
            discussion: "Example: mesh-cli clock set 10 --tick 60s")

        @Argument(help: "Times real time: 1 to 100.")
        var speed: Double

        @Option(
            help: "Simulated length of a tick: 1s to 24h; 60s when absent, and fixed when the clock is made.",
            transform: Span.parse)
        var tick: Span?

        @OptionGroup var options: GlobalOptions
        func execute(_ out: Printer) async throws {
            let status = try await call(SetClock(speed: speed, tickMillis: tick?.milliseconds))
            try out.answer(status) { ClockNoun.text(status) }
        }
    }

    /// `mesh-cli clock pause`
    struct Pause: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop it.", discussion: "Example: mesh-cli clock pause")
        @OptionGroup var options: GlobalOptions
        func execute(_ out: Printer) async throws {
            let status = try await call(PauseClock())
            try out.answer(status) { ClockNoun.text(status) }
        }
    }

    /// `mesh-cli clock resume`
    struct Resume: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let it run on.", discussion: "Example: mesh-cli clock resume")
        @OptionGroup var options: GlobalOptions
        func execute(_ out: Printer) async throws {
            let status = try await call(ResumeClock())
            try out.answer(status) { ClockNoun.text(status) }
        }
    }

    /// `mesh-cli clock step`
    struct Step: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add one tick while it stands.", discussion: "Example: mesh-cli clock step")
        @OptionGroup var options: GlobalOptions
        func execute(_ out: Printer) async throws {
            let status = try await call(StepClock())
            try out.answer(status) { ClockNoun.text(status) }
        }
    }

    /// `mesh-cli clock watch`
    struct Watch: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the clock, then every tick and change, without making you a peer.",
            discussion: "Example: mesh-cli clock watch --json")
        @OptionGroup var options: GlobalOptions
        func execute(_ out: Printer) async throws {
            let credentials = try options.credentials().credentials
            try await LiveSession.run(credentials, attach: false, replace: false) { client in
                try await client.connected()
                for await update in try await client.watchClock() {
                    switch update {
                    case .status(let status) where out.isJSON:
                        var fields = try JSONObject(of: status)
                        fields["type"] = "status"
                        out.put(Printer.line(fields))
                    case .status(let status): out.say(ClockNoun.text(status), isAsked: true)
                    case .tick(let tick) where out.isJSON:
                        out.put(Printer.line(["type": "tick", "tick": .integer(tick)]))
                    case .tick(let tick): out.say("tick \(tick)", isAsked: true)
                    }
                }
                try await LiveSession.untilEnded()
            }
        }
    }

    private static func text(_ status: ClockStatus) -> String {
        guard status.speed > 0 else { return "No clock. Make one: mesh-cli clock set 10" }
        let state =
            switch status.pausedBy {
            case "empty": "stands since nobody was here (mesh-cli clock resume)"
            case .some: "stands"
            case nil: "runs"
            }
        let speed = Int64(exactly: status.speed).map { String($0) } ?? String(status.speed)
        return "x\(speed), \(state), tick \(status.tick), simulated \(Table.printable(status.simTime))"
    }
}
