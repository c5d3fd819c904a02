#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What is known of the screen that the program writes to.
enum Terminal {
    /// The columns of a stream's terminal (1: standard output); nil when the stream is no terminal, and what is written
    /// must stay whole.
    static func columns(of descriptor: Int32 = 1) -> Int? {
        guard SystemCalls.isTerminal(descriptor) else { return nil }
        var size = winsize()
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        // A terminal that does not know its size, as under some build servers.
        return SystemCalls.environment("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
    }

    /// Asks for a line on standard error and reads the answer; nil when nobody can answer.
    static func ask(_ question: String) -> String? {
        guard SystemCalls.isTerminal(0), SystemCalls.isTerminal(2) else { return nil }
        SystemCalls.write(Array(question.utf8), to: 2)
        return readLine()
    }
}

/// Whether something that cannot be undone is meant.
enum Confirmation {
    /// Returns when the user types `word`, or has said --yes. Fails with what to do otherwise; nothing has happened then.
    static func require(_ word: String, isGiven: Bool, _ consequence: String) throws(Failure) {
        if isGiven { return }
        guard let answer = Terminal.ask("\(consequence)\nType \(word) to go on: ") else {
            throw .usage("\(consequence) This needs your word", hint: "say --yes")
        }
        guard answer.trimmed() == word else {
            throw Failure(.failure, "not_confirmed", "nothing was changed: \(word) was not typed")
        }
    }
}
