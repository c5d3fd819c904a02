import Histogram
import MeshCore
import MeshSim
import MeshSimLive
import Synchronization

/// What a controller's ticks have cost, and what was decided in them.
final class LoadLedger: Sendable {
    private struct State {
        var timings: [ControllerTiming] = []
        var verdicts: [String: Int64] = [:]
        var verdictsAside: [String: Int64] = [:]
        var hasBegun = false
        var processorAtBegin = 0.0
        var begunAt: Int64 = 0
        var processorAtEnd = 0.0
        var endedAt: Int64 = 0
    }

    private let state = Mutex(State())
    private let warmUp: Int64
    private let aside: Set<String>

    init(warmUp: Int64, aside: Set<String>) {
        self.warmUp = warmUp
        self.aside = aside
    }

    /// Whether the first tick was sealed.
    var hasBegun: Bool { state.withLock { $0.hasBegun } }

    func note(_ line: SimRecording.Tick) {
        guard line.tick >= 1 else { return }
        state.withLock { state in
            state.hasBegun = true
            let now = (LoadSystem.processorSeconds(), LoadSystem.nanoseconds())
            if line.tick <= warmUp {
                (state.processorAtBegin, state.begunAt) = now
                if line.tick == warmUp { LoadSystem.say(["measuring": true]) }
                return
            }
            (state.processorAtEnd, state.endedAt) = now
            for input in line.seal?.inputs ?? [] {
                if aside.contains(input.seat) {
                    state.verdictsAside[input.verdict.rawValue, default: 0] += 1
                } else {
                    state.verdicts[input.verdict.rawValue, default: 0] += 1
                }
            }
        }
    }

    func note(_ timing: ControllerTiming) {
        state.withLock { state in if timing.tick >= warmUp { state.timings.append(timing) } }
    }

    /// All figures of the measured ticks.
    func figures(seats: Int, end: SimEnd) -> JSON {
        state.withLock { state in
            let ticks = Double(max(1, end.tick - warmUp))
            let seconds = Double(state.endedAt - state.begunAt) / 1e9
            // The last one of the warm-up is only the beginning of the first interval.
            let measured = Array(state.timings.dropFirst())
            var periods = LoadSystem.histogram()
            var overheads = LoadSystem.histogram()
            for (before, after) in zip(state.timings, measured) {
                periods.record(nanoseconds: after.sealedAtNanos - before.sealedAtNanos)
                overheads.record(nanoseconds: after.overheadNanos)
            }
            func sum(_ part: (ControllerTiming) -> Int64) -> Double { Double(measured.reduce(0) { $0 + part($1) }) }
            func millisPerTick(_ part: (ControllerTiming) -> Int64) -> JSON {
                .double(sum(part) / 1e6 / Double(max(1, measured.count)))
            }
            let observations = sum { Int64($0.observations) }
            let acknowledgements = sum { Int64($0.acknowledgements) }
            return [
                "seats": .integer(Int64(seats)), "ticks": .double(ticks), "seconds": .double(seconds),
                "ended": .string(end.reason), "chain": .string(end.chain),
                "ticks_per_s": .double(seconds > 0 ? ticks / seconds : 0),
                "period": periods.figures, "overhead": overheads.figures,
                "ms_per_tick": [
                    "receiving": millisPerTick(\.receivingNanos), "acknowledging": millisPerTick(\.acknowledgingNanos),
                    "deciding": millisPerTick(\.decidingNanos), "recording": millisPerTick(\.recordingNanos),
                    "encoding": millisPerTick(\.encodingNanos), "sending": millisPerTick(\.sendingNanos),
                ],
                "observation_bytes": .double(sum { Int64($0.observationBytes) } / max(1, observations)),
                "observations": .double(observations), "acknowledgements": .double(acknowledgements),
                "acknowledgement_bytes": .double(sum { Int64($0.acknowledgementBytes) } / max(1, acknowledgements)),
                "acknowledgement_us": .double(sum(\.acknowledgingNanos) / 1e3 / max(1, acknowledgements)),
                "cpu_s": .double(state.processorAtEnd - state.processorAtBegin),
                "verdicts": Self.json(state.verdicts), "verdicts_aside": Self.json(state.verdictsAside),
            ]
        }
    }

    private static func json(_ counts: [String: Int64]) -> JSON {
        .object(JSONObject(counts.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) }))
    }
}
