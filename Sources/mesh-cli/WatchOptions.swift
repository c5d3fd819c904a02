import ArgumentParser

/// `--watch`: a table that is printed again and again.
struct WatchOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Print it again every so often: 500ms, 2s, 1m.", valueName: "span"), transform: Span.parse)
    var watch: Span?

    func validate() throws {
        if let watch, watch.milliseconds < 100 { throw ValidationError("--watch: at least 100ms") }
    }

    /// Prints once, or until the program is ended. On a terminal the newest stands alone.
    func run(_ out: Printer, _ print: () async throws -> Void) async throws {
        guard let watch else { return try await print() }
        while true {
            if SystemCalls.isTerminal(1), !out.isJSON { out.raw("\u{1B}[H\u{1B}[2J") }
            try await print()
            try await Task.sleep(for: .milliseconds(watch.milliseconds))
        }
    }
}
