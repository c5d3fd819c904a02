/// The category of an error: the fallback for a program that does not know its code.
public enum ErrorCategory: String, Sendable, Hashable, CaseIterable, Codable {
    /// The broker does not accept the caller's identity.
    case authentication
    /// The request cannot be used as it is.
    case usage
    /// It may work later.
    case unavailable
    /// The named thing does not exist.
    case notFound = "not_found"
    /// It already exists, or was changed by somebody else.
    case conflict
    /// The caller lacks the right.
    case denied
    /// A failure of the broker's disk.
    case storage
    /// An internal fault.
    case fault

    /// The HTTP status of an error known only by its category.
    var httpStatus: Int {
        switch self {
        case .authentication: 401
        case .usage: 400
        case .unavailable: 503
        case .notFound: 404
        case .conflict: 409
        case .denied: 403
        case .storage: 507
        case .fault: 500
        }
    }
}

/// What went wrong, for programs: a stable code. The type is open: a capability adds its own codes as static members,
/// and a code that this version does not know keeps its text and its category.
public struct ErrorCode: RawRepresentable, Sendable, CustomStringConvertible {
    /// The code on the wire, for example `not_found`.
    public let rawValue: String
    /// Its kind.
    public let category: ErrorCategory
    /// The HTTP status of an answer with this code.
    public let httpStatus: Int
    /// The WebSocket close code when this error ends a connection; nil when it never does.
    public let closeCode: UInt16?

    /// Declares a code. Its HTTP status is that of its category unless `http` gives another.
    public init(_ rawValue: String, _ category: ErrorCategory, http httpStatus: Int? = nil, close: UInt16? = nil) {
        self.rawValue = rawValue
        self.category = category
        self.httpStatus = httpStatus ?? category.httpStatus
        closeCode = close
    }

    /// The code of a text: a known one, or an unknown one in the category of faults.
    public init(rawValue: String) { self.init(reading: rawValue, category: nil) }

    /// The code of an answer; `category` is the answer's own, for a code that this version does not know.
    init(reading text: String, category: String?) {
        self =
            Self.known[text]
            ?? ErrorCode(text, category.flatMap { ErrorCategory(rawValue: $0) } ?? .fault)
    }

    /// The code on the wire.
    public var description: String { rawValue }

    private static let known = Dictionary(allCases.map { ($0.rawValue, $0) }) { first, _ in first }
}

extension ErrorCode: Hashable {
    public static func == (left: ErrorCode, right: ErrorCode) -> Bool { left.rawValue == right.rawValue }
    public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}

extension ErrorCode: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

// MARK: The frame or the body

extension ErrorCode {
    /// The frame is not a JSON object.
    public static let badFrame = ErrorCode("bad_frame", .usage)
    /// No request has this type.
    public static let unknownType = ErrorCode("unknown_type", .usage, http: 404)
    /// A field is invalid.
    public static let invalidArgument = ErrorCode("invalid_argument", .usage)
    /// A body, a value or an answer is too large.
    public static let tooLarge = ErrorCode("too_large", .usage, http: 413)
}

// MARK: Who is asking

extension ErrorCode {
    /// The first frame must be a hello.
    public static let noHello = ErrorCode("no_hello", .authentication)
    /// The connection has already sent a hello.
    public static let alreadyGreeted = ErrorCode("already_greeted", .conflict)
    /// The hello is malformed.
    public static let malformed = ErrorCode("malformed", .usage, close: 1008)
    /// The session key is unusable.
    public static let badSessionKey = ErrorCode("bad_session_pubkey", .authentication, http: 400, close: 1008)
    /// The member key is unusable.
    public static let badParentKey = ErrorCode("bad_parent_pubkey", .authentication, http: 400, close: 1008)
    /// The attestation is for another session.
    public static let attestationMismatch = ErrorCode("attestation_mismatch", .authentication, http: 400, close: 1008)
    /// The attestation is by another member.
    public static let parentMemberMismatch = ErrorCode(
        "parent_member_id_mismatch", .authentication, http: 400, close: 1008)
    /// The attestation has expired.
    public static let attestationExpired = ErrorCode("expired", .authentication, close: 1008)
    /// The attestation lasts too long.
    public static let attestationTooLong = ErrorCode("ttl_too_long", .authentication, http: 400, close: 1008)
    /// The time is too far from the broker's.
    public static let timestampSkew = ErrorCode("timestamp_skew", .authentication, close: 1008)
    /// A signature is invalid.
    public static let badSignature = ErrorCode("bad_signature", .authentication, close: 1008)
    /// A signature was used before.
    public static let replayed = ErrorCode("replayed", .authentication, close: 1008)
    /// A signature was made for another broker.
    public static let wrongAudience = ErrorCode("wrong_audience", .authentication, close: 1008)
    /// Authentication is missing.
    public static let unauthenticated = ErrorCode("unauthenticated", .authentication)
    /// The key is not a member of the mesh.
    public static let unauthorized = ErrorCode("unauthorized", .authentication, close: 1008)
    /// The member was removed.
    public static let revoked = ErrorCode("revoked", .authentication, http: 403, close: 4002)
    /// The session is already connected.
    public static let sessionInUse = ErrorCode("session_in_use", .conflict, close: 4009)
    /// The session key belongs to another member.
    public static let sessionKeyTaken = ErrorCode("session_key_taken", .authentication, http: 403, close: 1008)
}

// MARK: What may be done

extension ErrorCode {
    /// The caller lacks the right.
    public static let forbidden = ErrorCode("forbidden", .denied)
    /// The named thing does not exist.
    public static let notFound = ErrorCode("not_found", .notFound)
    /// The broker has no such mesh.
    public static let meshNotFound = ErrorCode("mesh_not_found", .notFound, close: 1008)
    /// It already exists.
    public static let exists = ErrorCode("exists", .conflict)
    /// It conflicts with what exists.
    public static let conflict = ErrorCode("conflict", .conflict)
    /// It was changed by somebody else.
    public static let versionConflict = ErrorCode("version_conflict", .conflict)
    /// No invite has this code.
    public static let inviteInvalid = ErrorCode("invite_invalid", .notFound)
    /// The invite has expired.
    public static let inviteExpired = ErrorCode("invite_expired", .notFound, http: 410)
    /// The invite is used up.
    public static let inviteExhausted = ErrorCode("invite_exhausted", .notFound, http: 410)
}

// MARK: Messages

extension ErrorCode {
    /// No member or session has this name or key.
    public static let unknownTarget = ErrorCode("unknown_target", .notFound)
    /// More than one has this name or prefix.
    public static let ambiguousTarget = ErrorCode("ambiguous_target", .usage)
    /// The target has no recipients.
    public static let noRecipients = ErrorCode("no_recipients", .notFound)
    /// The recipients are others than those sealed for.
    public static let recipientsChanged = ErrorCode("recipients_changed", .conflict)
    /// The mesh accepts only sealed direct messages.
    public static let plaintextRefused = ErrorCode("plaintext_refused", .usage)
    /// More than one id begins with this prefix.
    public static let ambiguousPrefix = ErrorCode("ambiguous_prefix", .usage)
    /// The mesh has no simulation clock.
    public static let noClock = ErrorCode("no_clock", .notFound)
}

// MARK: Limits and trouble

extension ErrorCode {
    /// A limit of the mesh or the broker is reached.
    public static let capacity = ErrorCode("capacity", .unavailable, close: 1008)
    /// Too many in a short time.
    public static let rateLimited = ErrorCode("rate_limited", .unavailable, http: 429)
    /// The recipient's queue is full.
    public static let queueFull = ErrorCode("queue_full", .unavailable, http: 429)
    /// The broker is busy, or the connection was lost.
    public static let busy = ErrorCode("busy", .unavailable)
    /// The broker has not reached that point yet.
    public static let behind = ErrorCode("behind", .unavailable)
    /// The path supports other methods.
    public static let methodNotAllowed = ErrorCode("method_not_allowed", .usage, http: 405)
    /// The broker does not serve this host.
    public static let badHost = ErrorCode("bad_host", .unavailable, http: 403)
    /// Pages of this origin may not use the broker.
    public static let badOrigin = ErrorCode("bad_origin", .unavailable, http: 403)
    /// The broker's disk is full.
    public static let storageFull = ErrorCode("storage_full", .storage)
    /// The broker's disk failed.
    public static let storageFailed = ErrorCode("storage_failed", .storage, http: 500)
    /// Stored data is damaged.
    public static let damaged = ErrorCode("damaged", .storage, http: 500)
    /// The mesh is stopped.
    public static let meshStopped = ErrorCode("mesh_stopped", .fault, close: 1008)
    /// The broker is stopping.
    public static let shuttingDown = ErrorCode("shutting_down", .unavailable, close: 1001)
    /// An internal fault of the broker.
    public static let internalError = ErrorCode("internal_error", .fault)

    /// The codes of the protocol, in the order of its table. Those of a capability are in its own file and in the
    /// errors that its requests declare.
    public static let allCases: [ErrorCode] = [
        .badFrame, .unknownType, .invalidArgument, .tooLarge, .noHello, .alreadyGreeted, .malformed, .badSessionKey,
        .badParentKey, .attestationMismatch, .parentMemberMismatch, .attestationExpired, .attestationTooLong,
        .timestampSkew, .badSignature, .replayed, .wrongAudience, .unauthenticated, .unauthorized, .revoked,
        .sessionInUse, .sessionKeyTaken, .forbidden, .notFound, .meshNotFound, .exists, .conflict, .versionConflict,
        .inviteInvalid, .inviteExpired, .inviteExhausted, .unknownTarget, .ambiguousTarget, .noRecipients,
        .recipientsChanged, .plaintextRefused, .ambiguousPrefix, .noClock, .capacity, .rateLimited, .queueFull, .busy,
        .behind, .methodNotAllowed, .badHost, .badOrigin, .storageFull, .storageFailed, .damaged, .meshStopped,
        .shuttingDown, .internalError,
    ]
}
