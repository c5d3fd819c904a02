import MeshCore
import MeshSim
import Synchronization

/// Takes a run's lines: writes them to a file when one was asked for, counts them for the report, shows how far it is.
final class RunSink: Sendable {
    private struct State: ~Copyable {
        var writer: RunFileWriter?
        var path: String?
        var report: SimReport?
        var last: SimRecording.Tick?
    }
    private let path: String?
    private let replaces: Bool
    private let progress: ProgressLine
    private let state = Mutex(State())
    private let end: Int64

    /// A sink for a run that is to end at a tick.
    init(_ recording: RecordOptions, end: Int64, _ options: OutputOptions) {
        path = recording.record
        replaces = recording.replacing.replace
        self.end = end
        progress = ProgressLine(options)
    }

    /// The observer that fills it.
    var observer: RunObserver {
        RunObserver(
            begin: { header in
                try self.state.withLock { state in
                    state.report = SimReport(header)
                    guard let path = self.path else { return }
                    let writer =
                        path.hasSuffix("/")
                        ? try RunStore(String(path.dropLast())).create(header)
                        : try RunFileWriter(path, header: header, replacing: self.replaces)
                    state.path = writer.path
                    state.writer = consume writer
                }
            },
            line: { line in
                try self.state.withLock { state in
                    try state.writer?.append(line)
                    state.report?.add(line)
                    state.last = line
                }
                self.progress.show("tick \(line.tick) of \(self.end)")
            }, isCancelled: { Interrupt.isAsked })
    }

    /// What was made and where it is recorded; nil when nothing was made. Takes the progress away.
    func finish() -> (report: SimReport, last: SimRecording.Tick, path: String?)? {
        progress.end()
        return state.withLock { state in
            state.writer = nil
            guard let report = state.report, let last = state.last else { return nil }
            return (report, last, state.path)
        }
    }
}
