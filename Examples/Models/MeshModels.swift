import Foundation
import MeshCore
import MeshSim
import MeshSimModels

/// The classic models as a program: run, record, verify, and check against published results.
///
///     mesh-models run MODEL [--size small|large] [--ticks N] [--seed N] [--record FILE] [--checkpoints N]
///     mesh-models verify FILE [--from TICK]
///     mesh-models diff FILE FILE
///     mesh-models fork FILE --from TICK [--seed N] [--ticks N] [--record FILE]
///     mesh-models check              PPHPC within the published statistics, and its two controls outside
///     mesh-models time [MODEL]       seconds a run, as JSON
///     mesh-models scale              flocking at constant density, from 1,000 to 128,000 birds, as JSON
@main struct MeshModels {
    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            exit(error is SimError ? 3 : 1)
        }
    }

    private static func run(_ words: [String]) throws {
        guard let verb = words.first else {
            throw SimError("say what to do: run, verify, diff, fork, check, time or scale")
        }
        let options = try Options(Array(words.dropFirst()))
        switch verb {
        case "run": try record(options)
        case "verify": try verify(options)
        case "diff": try diff(options)
        case "fork": try fork(options)
        case "check": exit(PPHPCGate.run() ? 0 : 1)
        case "time": try Timing.run(options)
        case "scale": Timing.scale()
        default: throw SimError("\(verb) is none of run, verify, diff, fork, check, time and scale")
        }
    }

    private static func record(_ options: Options) throws {
        let model = try options.model()
        let recording = try model.record(options)
        try options.write(recording)
        guard let last = recording.ticks.last else { return }
        print("\(model.name), seed \(options.seed), tick \(last.tick): \(last.metrics.text)")
        print("chain \(last.chain)")
    }

    private static func verify(_ options: Options) throws {
        let recording = try options.recording(0)
        let model = try Model.named(recording.header.model)
        if let difference = try model.verify(recording, options.from) {
            print("differs: \(difference)")
            exit(1)
        }
        print("verified: \(recording.ticks.count) ticks of \(model.name), chain \(recording.ticks.last?.chain ?? "")")
    }

    private static func diff(_ options: Options) throws {
        guard let difference = SimRun.difference(try options.recording(0), try options.recording(1)) else {
            return print("no difference")
        }
        print("they part at \(difference)")
        exit(1)
    }

    private static func fork(_ options: Options) throws {
        let recording = try options.recording(0)
        let fork = try Model.named(recording.header.model).fork(recording, options)
        try options.write(fork)
        print("forked at tick \(options.from), chain \(fork.ticks.last?.chain ?? "")")
    }
}

/// One model, whatever its type.
struct Model: Sendable {
    var name: String
    var ticks: Int64
    var record: @Sendable (Options) throws -> SimRecording
    var verify: @Sendable (SimRecording, Int64) throws -> Divergence?
    var fork: @Sendable (SimRecording, Options) throws -> SimRecording
    /// Makes a run without recording, for a size and a seed.
    var play: @Sendable (_ isLarge: Bool, _ seed: UInt64, _ ticks: Int64) -> Void

    static let all: [Model] = [
        make(Schelling.self, 20, .small, .large), make(Flocking.self, 100, .small, .large),
        make(WolfSheep.self, 100, .small, .large), make(ForestFire.self, 100, .small, .large),
        make(PPHPC.self, 100, .set(1, side: 100), .set(1, side: 400)),
    ]

    static func named(_ name: String) throws -> Model {
        guard let model = all.first(where: { $0.name == name }) else {
            throw SimError("no model is called \(name); there are \(all.map(\.name).joined(separator: ", "))")
        }
        return model
    }

    private static func make<Type: SimModel & SimReseedable>(
        _ type: Type.Type, _ ticks: Int64, _ small: Type.Parameters, _ large: Type.Parameters
    ) -> Model {
        Model(
            name: Type.name, ticks: ticks,
            record: { options in
                try SimRun.record(
                    type, options.isLarge ? large : small, seed: options.seed, ticks: options.ticks ?? ticks,
                    checkpointEvery: options.checkpoints)
            },
            verify: { try SimRun.verify($0, as: type, from: $1 == 0 ? nil : $1) },
            fork: { recording, options in
                try SimRun.fork(
                    recording, as: type, at: options.from, seed: options.seed, ticks: options.ticks ?? ticks)
            },
            play: { isLarge, seed, ticks in
                var model = Type(isLarge ? large : small, seed: seed)
                for _ in 0..<ticks { model.step() }
            })
    }
}

/// What was asked for.
struct Options {
    var words: [String] = []
    var isLarge = false
    var ticks: Int64?
    var seed: UInt64 = 1
    var file: String?
    var checkpoints: Int64 = 0
    var from: Int64 = 0

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                words.append(word)
                continue
            }
            guard let value = rest.popFirst() else { throw SimError("\(word) needs a value") }
            func number<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
                guard let number = Value(value) else { throw SimError("\(word): a whole number, not \(value)") }
                return number
            }
            switch word {
            case "--size":
                guard ["small", "large"].contains(value) else { throw SimError("--size: small or large, not \(value)") }
                isLarge = value == "large"
            case "--ticks": ticks = max(0, try number(Int64.self))
            case "--seed": seed = try number(UInt64.self)
            case "--record": file = value
            case "--checkpoints": checkpoints = max(0, try number(Int64.self))
            case "--from": from = try number(Int64.self)
            default: throw SimError("no option is called \(word)")
            }
        }
    }

    func model() throws -> Model {
        guard let name = words.first else {
            throw SimError("which model? \(Model.all.map(\.name).joined(separator: ", "))")
        }
        return try Model.named(name)
    }

    func recording(_ place: Int) throws -> SimRecording {
        guard place < words.count else { throw SimError("a recording is missing: name its file") }
        guard let data = FileManager.default.contents(atPath: words[place]) else {
            throw SimError("\(words[place]) cannot be read")
        }
        return try SimRecording.parse(Array(data))
    }

    func write(_ recording: SimRecording) throws {
        if let file { try Data(recording.lines()).write(to: URL(filePath: file)) }
    }
}
