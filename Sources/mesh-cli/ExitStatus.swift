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

    /// The exit status of an error of the wire.
    init(_ code: ErrorCode) {
        switch code {
        case .noHello, .attestationMismatch, .parentMemberMismatch, .attestationExpired, .attestationTooLong,
            .timestampSkew, .badSignature, .replayed, .wrongAudience, .unauthenticated, .unauthorized, .revoked,
            .badSessionKey, .badParentKey, .sessionKeyTaken:
            self = .authentication
        case .badFrame, .unknownType, .invalidArgument, .tooLarge, .malformed, .ambiguousTarget, .ambiguousPrefix,
            .plaintextRefused, .methodNotAllowed:
            self = .usage
        case .busy, .shuttingDown, .capacity, .rateLimited, .queueFull, .behind, .badHost, .badOrigin:
            self = .network
        case .notFound, .meshNotFound, .unknownTarget, .noRecipients, .inviteInvalid, .noClock, .inviteExpired,
            .inviteExhausted:
            self = .notFound
        case .exists, .conflict, .versionConflict, .sessionInUse, .recipientsChanged, .alreadyGreeted:
            self = .exists
        case .forbidden: self = .denied
        case .storageFull, .storageFailed, .damaged: self = .io
        case .internalError, .meshStopped: self = .internalFault
        }
    }
}
