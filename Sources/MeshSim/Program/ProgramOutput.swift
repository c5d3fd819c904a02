import ArgumentParser
import MeshCore
import MeshSim
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What every command understands.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON: one object, or one object a line.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print only errors, and results that were asked for.")
    var quiet = false

    /// Prints an object when programs read the output, else the text.
    func result(_ fields: @autoclosure () throws -> JSONObject, text: () -> String) rethrows {
        if json { ProgramOutput.line(try fields()) } else { ProgramOutput.say(text()) }
    }
}

/// Standard output and standard error.
enum ProgramOutput {
    /// The name that this program was called by.
    static var programName: String {
        String(CommandLine.arguments.first?.split(separator: "/").last ?? "sim")
    }

    /// One JSON object in a line, the version of its form first.
    static func line(_ fields: JSONObject) {
        var object: JSONObject = ["schema_version": "1.0"]
        for (key, value) in fields { object[key] = value }
        put(JSON.object(object).bytes() + [0x0A], to: 1)
    }

    /// Text for people.
    static func say(_ text: String) {
        if !text.isEmpty { put(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: 1) }
    }

    /// Something beside the result.
    static func warn(_ text: String) {
        if !text.isEmpty { put(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: 2) }
    }

    static func put(_ bytes: [UInt8], to descriptor: Int32) {
        var start = 0
        while start < bytes.count {
            let done = bytes.withUnsafeBytes { systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: $0[start...])) }
            // Ignores a closed output.
            if done < 0, errno != EINTR { return }
            start += max(0, done)
        }
    }

    /// Processors of this machine.
    static var processors: Int { max(1, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), Sweep.parallelismLimit)) }

    private static func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        write(descriptor, buffer.baseAddress, buffer.count)
    }
}

/// A line on standard error that is redrawn while something goes on; nothing when that is no terminal.
final class ProgressLine: Sendable {
    private let isShown: Bool
    private let lastDrawn = Mutex<ContinuousClock.Instant?>(nil)

    init(_ options: OutputOptions) { isShown = !options.quiet && isatty(2) == 1 }

    /// Shows how far it is, ten times a second at most.
    func show(_ text: @autoclosure () -> String) {
        guard isShown else { return }
        let isDue = lastDrawn.withLock { last -> Bool in
            let now = ContinuousClock.now
            if let last, last.duration(to: now) < .milliseconds(100) { return false }
            last = now
            return true
        }
        if isDue { ProgramOutput.put(Array("\r\(text())\u{1B}[K".utf8), to: 2) }
    }

    /// Takes the line away.
    func end() {
        if isShown, lastDrawn.withLock({ $0 != nil }) { ProgramOutput.put(Array("\r\u{1B}[K".utf8), to: 2) }
    }
}

/// Ctrl-C: the first one asks the run to end, and what was made is kept; the second one ends the program.
enum Interrupt {
    private static let asked = Atomic<Bool>(false)

    /// Whether it was pressed.
    static var isAsked: Bool { asked.load(ordering: .relaxed) }

    /// Watches for it from now on.
    static func watch() {
        // Made now: in a signal handler it could not be.
        asked.store(false, ordering: .relaxed)
        signal(SIGINT) { _ in
            Interrupt.asked.store(true, ordering: .relaxed)
            signal(SIGINT, SIG_DFL)
        }
    }
}
