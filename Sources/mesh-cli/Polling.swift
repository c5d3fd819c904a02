/// Asking again where nothing pushes the answer: at once, then after pauses that grow from 20 ms to 500 ms.
enum Polling {
    /// The first value that `isDone` accepts, or the newest one when `timeout` is over. Fails as `ask` does.
    static func last<Value>(
        timeout: Span, isDone: (Value) -> Bool, _ ask: () async throws -> Value
    ) async throws -> Value {
        let end = SystemCalls.uptime() + timeout.milliseconds
        var pause = 20 as Int64
        while true {
            let value = try await ask()
            let left = end - SystemCalls.uptime()
            if isDone(value) || left <= 0 { return value }
            try await Task.sleep(for: .milliseconds(min(pause, left)))
            pause = min(500, pause * 2)
        }
    }
}
