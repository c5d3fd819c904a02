import MeshCore

/// The result of repeating a recorded run.
public struct Verification: Codable, Sendable, Hashable, CustomStringConvertible {
    /// The model.
    public var model: String
    /// The first difference; nil when there is none.
    public var divergence: Divergence?
    /// The ticks that were compared.
    public var ticks: Int
    /// The last hash of the record, hex.
    public var chain: String
    /// The number of a last line that was torn and is not compared.
    public var tornLine: Int?

    /// Makes a result.
    public init(model: String, divergence: Divergence? = nil, ticks: Int = 0, chain: String = "", tornLine: Int? = nil)
    {
        self.model = model
        self.divergence = divergence
        self.ticks = ticks
        self.chain = chain
        self.tornLine = tornLine
    }

    /// As text for people.
    public var description: String {
        let torn = tornLine.map { "; line \($0) was torn and is left out" } ?? ""
        if let divergence { return "differs: \(divergence)\(torn)" }
        return "verified: \(ticks) ticks of \(model), chain \(chain)\(torn)"
    }
}

extension SimRun {
    /// Makes the run of a file again, as `verify` does, without holding more than a line of it; gives each line that was
    /// made to the observer. Ends early, with what was compared so far, when the observer is cancelled.
    public static func verify<Model: SimModel>(
        file path: String, as type: Model.Type, from checkpoint: Int64? = nil, to observer: RunObserver = RunObserver()
    ) throws -> Verification {
        var reader = try RunFileReader(path)
        var (run, first) = try begin(&reader, as: type, from: checkpoint)
        try observer.begin(reader.header)
        var result = Verification(model: Model.name, ticks: 1, chain: first.chain)
        let made = checkpoint == nil ? try run.begin(checkpoint: false) : read(run, first)
        if try !accept(made, first, &result, reader.header.domains, observer) { return result }
        while let recorded = try reader.next() {
            guard recorded.tick == run.model.tick + 1 else {
                result.divergence = Divergence(missing: run.model.tick + 1)
                return result
            }
            let made = try run.advance(recorded.seal)
            result.ticks += 1
            result.chain = recorded.chain
            if try !accept(made, recorded, &result, reader.header.domains, observer) { return result }
        }
        result.tornLine = reader.tornLine
        return result
    }

    /// The line of a checkpoint as its state has it: a state that was changed is found where it is.
    private static func read<Model: SimModel>(
        _ run: SimRunner<Model>, _ line: SimRecording.Tick
    ) -> SimRecording.Tick {
        var made = line
        made.domains = run.model.domainHashes.map(\.hex)
        made.state = nil
        return made
    }

    /// Reads on to the line at which to begin, and makes the run as of then.
    private static func begin<Model: SimModel>(
        _ reader: inout RunFileReader, as type: Model.Type, from checkpoint: Int64?
    ) throws -> (SimRunner<Model>, SimRecording.Tick) {
        var known: [String] = []
        while let tick = try reader.next() {
            if checkpoint == nil || checkpoint == tick.tick && tick.state != nil {
                return (try SimRunner(SimRecording(header: reader.header, ticks: [tick]), from: checkpoint), tick)
            }
            if tick.state != nil { known.append(String(tick.tick)) }
        }
        guard let checkpoint else { throw SimError("the recording has no ticks") }
        throw SimError("tick \(checkpoint) is no checkpoint; those are \(known.joined(separator: ", "))")
    }

    /// Compares a line; says whether to go on.
    private static func accept(
        _ made: SimRecording.Tick, _ recorded: SimRecording.Tick, _ result: inout Verification, _ names: [String],
        _ observer: RunObserver
    ) throws -> Bool {
        result.divergence = Divergence(made, recorded, names: names)
        if result.divergence != nil { return false }
        return try observer.accept(made)
    }

    /// Returns where two files' runs diverge; nil when they do not. Holds one line of each. Fails when they are of
    /// different models or have no tick in common.
    public static func difference(file one: String, _ other: String) throws(SimError) -> Divergence? {
        var left = try RunFileReader(one)
        var right = try RunFileReader(other)
        let (here, there) = (left.header, right.header)
        guard here.model == there.model, here.domains == there.domains else {
            throw SimError(
                "\(one) is a run of \(here.model), \(other) of \(there.model): only runs of one model compare")
        }
        var (common, mine, theirs) = (0, try left.next(), try right.next())
        while let first = mine, let second = theirs {
            if first.tick < second.tick {
                mine = try left.next()
            } else if first.tick > second.tick {
                theirs = try right.next()
            } else {
                let one = SimRecording(header: here, ticks: [first])
                if let found = difference(one, SimRecording(header: there, ticks: [second])) { return found }
                common += 1
                (mine, theirs) = (try left.next(), try right.next())
            }
        }
        guard common > 0 else { throw SimError("\(one) and \(other) have no tick in common") }
        return nil
    }
}
