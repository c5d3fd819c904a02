import MeshCore

/// How the program ends: the kind of failure as a number that scripts can test.
enum ExitStatus: Int32, Sendable, Hashable, CaseIterable {
    /// It worked.
    case success = 0
    /// Anything that has no number of its own, and a `--wait` that did not get what it waited for.
    case failure = 1
    /// The broker does not accept who we are.
    case authentication = 2
    /// The command line or an argument cannot be used.
    case usage = 3
    /// The broker cannot be reached, or asks to come again later.
    case network = 4
    /// What was named does not exist.
    case notFound = 5
    /// It exists already, or was changed by somebody else.
    case exists = 6
    /// The role does not allow it.
    case denied = 7
    /// A fault on our side or the broker's.
    case internalFault = 8
    /// A file could not be read or written.
    case io = 10
    /// Ctrl-C.
    case interrupted = 130

    /// The exit status of an error of the wire: that of its category, so that codes of later capabilities have one too.
    init(_ code: ErrorCode) {
        self =
            switch code.category {
            case .authentication: .authentication
            case .usage: .usage
            case .unavailable: .network
            case .notFound: .notFound
            case .conflict: .exists
            case .denied: .denied
            case .storage: .io
            case .fault: .internalFault
            }
    }
}
