import ArgumentParser
import MeshCore
import MeshSDK
import MeshSim
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// `serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run a scenario on a mesh: peers take its seats.",
        discussion: """
            The controller is the member whose profile is named; peers send it `sim_join` (Docs/SimulationProtocol.md). \
            Its state is published under sim:<domain>:. --ticks 0 goes on until it is stopped: by Ctrl-C, which keeps what \
            was recorded, or by the command stop.

            Example: serve --mesh lab --profile store --wait 2 --deadline 2000 --record store.jsonl
            """)

    @Argument(help: "The scenario; may be left out when there is one.")
    var scenario: String?

    @Option(help: "The mesh; the only one when absent.")
    var mesh: String?

    @Option(help: "The controller's profile in it; the current one when absent.")
    var profile: String?

    @Option(help: "The simulation's name; the scenario's when absent.")
    var sim: String?

    @Option(help: "The domain that it is, of a federation or alone; its values stand under sim:<domain>:.")
    var domain: String?

    @Option(help: "How many seats peers must have taken before it begins.")
    var wait = 0

    @Option(help: "How long a tick waits for its seats, in milliseconds.")
    var deadline: Int64 = 2_000

    @Option(help: "How fast: barrier, clock (the mesh's), or times and a tick's milliseconds like 10x1000.")
    var pace = "barrier"

    @Option(
        name: .customLong("allow"),
        help: ArgumentHelp(
            "Another member who may command it, beside owner and admins of the mesh: a name or a key; may be repeated.",
            valueName: "member"))
    var commanders: [String] = []

    @Option(help: ArgumentHelp("Send a seat at most so many bytes at once, up to 60000.", valueName: "bytes"))
    var budget = 60_000

    @Option(help: "How many seats a tick waits for; all when absent.")
    var quorum: Int?

    @Option(help: "What a seat may spend on an action to be in time, in its own unit, tokens for example.")
    var costBudget: Int64?

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("The name of this run, the same new one for all domains of a federation.", valueName: "name")
    )
    var runName: String?

    @Option(
        help: ArgumentHelp(
            "Go on from the last checkpoint of a recording of serve; record to another file.", valueName: "file"),
        completion: .file())
    var resume: String?

    @Option(
        name: .customLong("input"),
        help: ArgumentHelp(
            "Another domain whose sealed values it reads, and the member that serves it; may be repeated.",
            valueName: "domain[:lookahead][@member]"))
    var inputs: [String] = []

    @Flag(help: "Only peers play, not the scenario's own agents.")
    var noAgents = false

    @OptionGroup var parameters: ParameterOptions
    @OptionGroup var length: LengthOptions
    @OptionGroup var recording: RecordOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let scenario = try SimProgram.scenario(scenario)
        guard let serve = scenario.serve else {
            throw SimError("\(scenario.name) has no seats: nobody can act in it; use run")
        }
        try recording.replacing.check(recording.record)
        let credentials = try credentials()
        let request = RecordRequest(
            parameters: try scenario.parameters(preset: parameters.preset, changed: parameters.changes),
            seed: length.seed, ticks: length.ticks ?? scenario.ticks, checkpointEvery: recording.checkpoints)
        let (sim, domain) = (sim ?? scenario.name, domain ?? scenario.name)
        let kind = quorum.map { Barrier.Kind.quorum($0) } ?? .all
        let rules = TickRules(barrier: try Barrier(kind, deadlineMillis: deadline, costBudget: costBudget))
        guard (1_000...60_000).contains(budget) else { throw SimError("--budget \(budget): 1000 to 60000 bytes") }
        let recorded = try resume.map { try SimRecording.read($0).recording }
        let settings = try settings(ticks: scenario.ticks)
        if !inputs.isEmpty, runName == nil {
            throw SimError("--input needs --run: a name that all domains of this run are given, and no run before had")
        }
        let (allowed, authors) = (commanders, inputs.map { $0.split(separator: "@", maxSplits: 1).dropFirst().first })
        let budget = ObservationBudget.bytes(budget)
        let withAgents = !noAgents
        var configuration = MeshClient.Configuration()
        configuration.channel = "mesh-sim"
        configuration.peerType = "connector"
        configuration.replace = true
        let ready = "\(credentials.memberName) serves \(sim) on \(credentials.meshSlug)"
        try await RunCommand.make(recording, end: request.ticks, output) { observer in
            let end: SimEnd = try await MeshClient.withClient(
                credentials: credentials, group: MultiThreadedEventLoopGroup.singleton, configuration: configuration
            ) { client in
                ProgramOutput.warn(ready)
                var settings = settings
                // Names are looked up once: from now on keys decide. Roles are followed.
                let members = try await client.callAll(ListMembers()).members
                let commanders = Commanders(try allowed.map { try Self.key(of: $0, "--allow", members) }, members)
                settings.mayCommand = { commanders.mayCommand($0) }
                let following = Task { await commanders.follow(client) }
                defer { following.cancel() }
                for (place, author) in authors.enumerated() {
                    if author == nil {
                        let domain = settings.inputs[place].domain
                        ProgramOutput.warn(
                            "--input \(domain) names no member: the first that writes there is believed; name it: \(domain)@MEMBER"
                        )
                    }
                    settings.inputs[place].author = try author.map { try Self.key(of: String($0), "--input", members) }
                }
                return try await serve(
                    ServeRequest(
                        run: request, client: client, sim: sim, domain: domain, rules: rules, settings: settings,
                        withAgents: withAgents, budget: budget, resuming: recorded), observer)
            }
            if end.failed == true { throw ProgramFailure(.failure, "the run ended at tick \(end.tick): \(end.reason)") }
            ProgramOutput.warn("ended at tick \(end.tick): \(end.reason)")
        }
    }

    private static func key(
        of member: String, _ option: String, _ members: [MemberList.Row]
    ) throws -> PublicKey {
        if let key = PublicKey(hex: member) { return key }
        if let found = members.first(where: { $0.name == member }) { return found.pubkey }
        let near = Nearest.names(to: member, among: members.map(\.name), limit: 2)
        throw ProgramFailure(
            .usage,
            "\(option): no member is called \(member)"
                + (near.isEmpty ? "; see mesh-cli member list" : "; did you mean \(near.joined(separator: " or "))?"))
    }

    private func settings(ticks: Int64) throws -> ControllerSettings {
        var settings = ControllerSettings()
        switch pace {
        case "barrier": break
        case "clock": settings.followsClock = true
        default:
            let parts = pace.split(separator: "x", omittingEmptySubsequences: false)
            guard parts.count == 2, let times = Double(parts[0]), let millis = Int64(parts[1]) else {
                throw SimError("--pace \(pace): barrier, clock, or times and milliseconds like 10x1000")
            }
            settings.pacing = .realTime(times: times, tickMillis: millis)
            try settings.pacing.check()
        }
        settings.minimumSeats = wait
        settings.ticks = length.ticks == 0 ? nil : length.ticks ?? ticks
        settings.checkpointEvery = recording.checkpoints
        settings.publishes = true
        settings.agentSeed = length.seed
        settings.run = runName ?? ""
        for word in inputs {
            let halves = word.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            let parts = halves[0].split(separator: ":", omittingEmptySubsequences: false)
            guard let domain = parts.first, !domain.isEmpty, parts.count <= 2, halves.last?.isEmpty == false,
                let lookahead = parts.count == 1 ? 1 : Int64(parts[1]), lookahead >= 1
            else {
                throw SimError(
                    "--input \(word): a domain, or one with its lookahead and its member like floor:2@ada")
            }
            settings.inputs.append(DomainInput(String(domain), lookahead: lookahead))
        }
        return settings
    }

    private func credentials() throws -> Credentials {
        // A variable that is set to nothing counts as not set.
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        var environment: [String: String] = [:]
        for name in ["HOME", "MESH_HOME"] { environment[name] = variable(name) }
        let store = ProfileStore(home: ProfileStore.defaultHome(environment: environment))
        do {
            return try store.load(mesh: mesh ?? variable("MESH"), profile: profile ?? variable("MESH_PROFILE"))
                .credentials
        } catch {
            throw ProgramFailure(.usage, "\(error)")
        }
    }
}
