import MeshCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A measurement leaves nothing behind: what it made on the broker goes with it, however it ends.
enum BenchCleanup {
    private enum Ending<Value: Sendable>: Sendable {
        case done(Value)
        case signal(Int32)
    }

    /// Makes something, works with it, and deletes it: after the work, after its failure, after Ctrl-C and SIGTERM. That
    /// it could not be deleted is a warning; what the work found counts.
    static func run<Made: Sendable, Value: Sendable>(
        make: () async throws -> Made, delete: (Made) async throws -> Void,
        work: @escaping @Sendable (Made) async throws -> Value, warn: (String) -> Void
    ) async throws -> Value {
        let signals = Signals.stream([SIGINT, SIGTERM])
        let made = try await make()
        let ending: Result<Ending<Value>, any Error>
        do {
            ending = .success(
                try await withThrowingTaskGroup(of: Ending<Value>.self) { tasks in
                    tasks.addTask { .done(try await work(made)) }
                    tasks.addTask {
                        for await number in signals { return .signal(number) }
                        throw CancellationError()
                    }
                    defer { tasks.cancelAll() }
                    guard let first = try await tasks.next() else { throw CancellationError() }
                    // A measurement that does not see that it is cancelled keeps nobody waiting.
                    if case .signal(let number) = first { Signals.exitSoon(status(of: number), seconds: 15) }
                    return first
                })
        } catch {
            ending = .failure(error)
        }
        do { try await delete(made) } catch {
            warn("warning: what was made on the broker is still there: \(Failure(error).message)")
        }
        switch try ending.get() {
        case .done(let value): return value
        case .signal(let number): throw Ended(status: status(of: number))
        }
    }

    private static func status(of signal: Int32) -> ExitStatus { signal == SIGINT ? .interrupted : .success }
}
