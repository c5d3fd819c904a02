import Dispatch
import Logging
import MeshCore
import MeshSDK

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A connected session for commands that stay: it ends with its work, with an error, or with a signal.
enum LiveSession {
    private enum Ending: Sendable {
        case done
        case signal(Int32)
    }

    /// Connects, does the work, and disconnects. Ctrl-C ends with 130, SIGTERM with 0.
    static func run(
        _ credentials: Credentials, attach: Bool, replace: Bool,
        _ work: @escaping @Sendable (MeshClient) async throws -> Void
    ) async throws {
        let signals = Signals.stream([SIGINT, SIGTERM])
        var configuration = MeshClient.Configuration()
        configuration.attach = attach
        configuration.replace = replace
        configuration.channel = "mesh-cli"
        let client = MeshClient(
            credentials: credentials, group: EventLoops.shared, configuration: configuration,
            logger: Logger(label: "mesh-cli", factory: { _ in SwiftLogNoOpLogHandler() }))
        let ending = try await withThrowingTaskGroup(of: Ending.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask {
                try await client.run()
                return .done
            }
            tasks.addTask {
                try await work(client)
                return .done
            }
            tasks.addTask {
                for await number in signals { return .signal(number) }
                return .done
            }
            let first = try await tasks.next() ?? .done
            if case .signal(let number) = first { Signals.exitSoon(status(of: number)) }
            return first
        }
        if case .signal(let number) = ending { throw Ended(status: status(of: number)) }
    }

    /// Waits for the connection's own end, whose reason is what is reported.
    static func untilEnded() async throws { try await Task.sleep(for: .seconds(1 << 30)) }

    private static func status(of signal: Int32) -> ExitStatus { signal == SIGINT ? .interrupted : .success }
}

/// Signals as a sequence.
enum Signals {
    /// The signals as they come; their usual effect is switched off.
    static func stream(_ numbers: [Int32]) -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        for number in numbers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            // The handler keeps its source: it lives as long as the program.
            source.setEventHandler { withExtendedLifetime(source) { _ = continuation.yield(number) } }
            source.activate()
        }
        return stream
    }

    /// Ends the program after some seconds if it has not ended by then.
    static func exitSoon(_ status: ExitStatus, seconds: Int = 2) {
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { exit(status.rawValue) }
    }
}
