import ArgumentParser
import MeshCore
import MeshSDK
import MeshSim

/// A failure as the user sees it: what is wrong, what to do, and the number that the program ends with.
struct Failure: Error, Sendable, Hashable {
    /// How the program ends.
    var status: ExitStatus
    /// The code of the wire's error table, or a word of our own for failures that never reached the broker.
    var code: String
    /// What is wrong.
    var message: String
    /// What to do about it.
    var hint: String?

    /// Makes a failure of our own.
    init(_ status: ExitStatus, _ code: String, _ message: String, hint: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// Any error, as far as it is known.
    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as MeshError: self.init(error)
        case let error as TransportError:
            self.init(
                .network, error.code == .refused || error.code == .timeout ? "unreachable" : "network",
                error.message, hint: error.hint)
        case let error as IdentityError:
            self.init(error.code == .malformed ? .usage : .authentication, error.code.rawValue, error.message)
        case let fault as LedgerFault:
            self.init(.failure, "ledger_fault", "the ledger does not hold: \(fault)")
        case let error as SimError:
            self.init(
                error.kind == .file ? .io : .usage,
                error.kind == .file ? "io" : ErrorCode.invalidArgument.rawValue, error.description)
        case let error as JSONError: self.init(.usage, "bad_json", error.description)
        case is CancellationError: self.init(.interrupted, "interrupted", "interrupted")
        default: self.init(.failure, "failed", "\(error)")
        }
    }

    /// An error of the wire, in the words of somebody at a command line.
    private init(_ error: MeshError) {
        switch error.code {
        case _ where error.details["unreachable"]?.boolValue == true:
            self.init(.network, "unreachable", error.message, hint: error.hint)
        case _ where error.details["network"]?.boolValue == true:
            self.init(.network, "network", error.message, hint: error.hint)
        case .wrongAudience:
            self.init(
                ExitStatus(error.code), error.code.rawValue,
                "another broker answers at this address than the one that was joined",
                hint: "start the right one there; or join again, if you know why it has a new key")
        default: self.init(ExitStatus(error.code), error.code.rawValue, error.message, hint: error.hint)
        }
    }

    /// An argument that cannot be used.
    static func usage(_ message: String, hint: String? = nil) -> Failure {
        Failure(.usage, ErrorCode.invalidArgument.rawValue, message, hint: hint)
    }

    /// A file that could not be read or written; `number` is `errno`.
    static func file(_ path: String, _ verb: String, _ number: Int32) -> Failure {
        Failure(
            .io, "io", "\(path): cannot \(verb): \(SystemCalls.errorText(number))",
            hint: "check the path and its permissions")
    }

    /// The error object that `--json` prints.
    var json: JSON {
        var error: JSONObject = ["code": .string(code), "message": .string(message)]
        if let hint { error["hint"] = .string(hint) }
        return ["error": .object(error)]
    }

    /// The lines for people.
    func text(_ colour: Colour) -> String {
        // Parts of it may be a broker's.
        colour("error:", .error) + " \(SafeText.block(message, keepsStyle: false))\n"
            + (hint.map { "  \(colour("try:", .yellow)) \(SafeText.block($0, keepsStyle: false))\n" } ?? "")
    }
}
