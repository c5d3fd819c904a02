import MeshCore

/// Text on its way in: arguments and standard input.
enum TextInput {
    /// What a text argument says: itself, or for `-` what standard input has, without its last line end.
    static func read(_ argument: String) throws(Failure) -> String {
        argument == "-" ? try standardInput() : argument
    }

    /// What a message says: an argument, `-` or nothing for standard input. Fails when there is nothing to say.
    static func message(_ argument: String?) throws(Failure) -> String {
        if argument == nil, SystemCalls.isTerminal(0) {
            throw .usage(
                "TEXT is missing", hint: "give it behind the target, or pipe it: echo hello | mesh-cli send bob")
        }
        let text = try read(argument ?? "-")
        guard !text.isEmpty else {
            throw .usage("the text is empty", hint: "say something; a message without text is not sent")
        }
        return text
    }

    private static func standardInput() throws(Failure) -> String {
        let limit = DeliveryPolicy.maximumBodyBytes
        let bytes: [UInt8]
        // A line end that goes does not count.
        switch SystemCalls.readAll(0, limit: limit + 2) {
        case .success(let all): bytes = withoutLineEnd(all)
        case .failure(let error) where error.isTooLarge: throw tooLarge
        case .failure(let error): throw Failure.file("standard input", "read", error.number)
        }
        guard bytes.count <= limit else { throw tooLarge }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .usage("standard input is not UTF-8 text", hint: "encode bytes first, for example with base64")
        }
        return text
    }

    private static var tooLarge: Failure {
        Failure(
            .usage, ErrorCode.tooLarge.rawValue,
            "standard input has more than \(DeliveryPolicy.maximumBodyBytes) bytes, which is the limit of a message",
            hint: "send it in parts, or say where it can be fetched")
    }

    /// Bytes without one line end behind them: LF, CR LF or CR.
    static func withoutLineEnd(_ bytes: [UInt8]) -> [UInt8] {
        switch bytes.last {
        case 0x0A: Array(bytes.dropLast(bytes.dropLast().last == 0x0D ? 2 : 1))
        case 0x0D: Array(bytes.dropLast())
        default: bytes
        }
    }
}

/// `-` where a file is named.
enum FileArgument {
    /// The file that is to be written; nil for standard output, which `-` and leaving it out mean.
    static func output(_ path: String?) -> String? { path == "-" ? nil : path }

    /// Refuses `-` where the output has another use.
    static func refuseDash(_ path: String?, _ option: String) throws(Failure) {
        guard path == "-" else { return }
        throw .usage(
            "\(option): `-` is standard output, where the result goes", hint: "name a file, or ./- for one called so")
    }
}
