/// Every error that Mesh answers, one row each: the code is stable, texts may improve.
public enum ErrorCode: String, Sendable, Hashable, CaseIterable, Codable {
    // The frame or the body.
    case badFrame = "bad_frame"
    case unknownType = "unknown_type"
    case invalidArgument = "invalid_argument"
    case tooLarge = "too_large"
    // Who is asking.
    case noHello = "no_hello"
    case alreadyGreeted = "already_greeted"
    case malformed = "malformed"
    case badSessionKey = "bad_session_pubkey"
    case badParentKey = "bad_parent_pubkey"
    case attestationMismatch = "attestation_mismatch"
    case parentMemberMismatch = "parent_member_id_mismatch"
    case attestationExpired = "expired"
    case attestationTooLong = "ttl_too_long"
    case timestampSkew = "timestamp_skew"
    case badSignature = "bad_signature"
    case replayed = "replayed"
    case wrongAudience = "wrong_audience"
    case unauthenticated = "unauthenticated"
    case unauthorized = "unauthorized"
    case revoked = "revoked"
    case sessionInUse = "session_in_use"
    case sessionKeyTaken = "session_key_taken"
    // What may be done.
    case forbidden = "forbidden"
    case notFound = "not_found"
    case meshNotFound = "mesh_not_found"
    case exists = "exists"
    case conflict = "conflict"
    case versionConflict = "version_conflict"
    case inviteInvalid = "invite_invalid"
    case inviteExpired = "invite_expired"
    case inviteExhausted = "invite_exhausted"
    // Messages.
    case unknownTarget = "unknown_target"
    case ambiguousTarget = "ambiguous_target"
    case noRecipients = "no_recipients"
    case recipientsChanged = "recipients_changed"
    case plaintextRefused = "plaintext_refused"
    case ambiguousPrefix = "ambiguous_prefix"
    case noClock = "no_clock"
    // Limits and trouble.
    case capacity = "capacity"
    case rateLimited = "rate_limited"
    case queueFull = "queue_full"
    case busy = "busy"
    case behind = "behind"
    case methodNotAllowed = "method_not_allowed"
    case badHost = "bad_host"
    case badOrigin = "bad_origin"
    case storageFull = "storage_full"
    case storageFailed = "storage_failed"
    case damaged = "damaged"
    case meshStopped = "mesh_stopped"
    case shuttingDown = "shutting_down"
    case internalError = "internal_error"

    /// The HTTP status of an answer with this code.
    public var httpStatus: Int {
        switch self {
        case .badFrame, .invalidArgument, .malformed, .badSessionKey, .badParentKey, .attestationMismatch,
            .parentMemberMismatch, .attestationTooLong, .ambiguousTarget, .ambiguousPrefix, .plaintextRefused:
            400
        case .noHello, .unauthenticated, .timestampSkew, .badSignature, .replayed, .wrongAudience, .attestationExpired,
            .unauthorized:
            401
        case .forbidden, .revoked, .badHost, .badOrigin, .sessionKeyTaken: 403
        case .notFound, .unknownType, .meshNotFound, .unknownTarget, .noRecipients, .inviteInvalid, .noClock: 404
        case .methodNotAllowed: 405
        case .exists, .conflict, .versionConflict, .recipientsChanged, .sessionInUse, .alreadyGreeted: 409
        case .inviteExpired, .inviteExhausted: 410
        case .tooLarge: 413
        case .rateLimited, .queueFull: 429
        case .internalError, .storageFailed, .damaged, .meshStopped: 500
        case .capacity, .busy, .behind, .shuttingDown: 503
        case .storageFull: 507
        }
    }

    /// The WebSocket close code when this error ends a connection; nil when it never does.
    public var closeCode: UInt16? {
        switch self {
        case .revoked: 4002
        case .sessionInUse: 4009
        case .malformed, .badSessionKey, .badParentKey, .attestationMismatch, .parentMemberMismatch,
            .attestationExpired, .attestationTooLong, .timestampSkew, .badSignature, .replayed, .wrongAudience,
            .unauthorized, .capacity, .meshNotFound, .sessionKeyTaken, .meshStopped:
            1008
        case .shuttingDown: 1001
        default: nil
        }
    }
}

/// What went wrong, what is valid, and what to do: the one error of the wire.
public struct MeshError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The row of the error table.
    public var code: ErrorCode
    /// What is wrong, for people.
    public var message: String
    /// What to do about it.
    public var hint: String?
    /// Facts for programs, for example the current version in a version conflict.
    public var details: JSONObject

    /// Makes an error from the table's code and a text that says what is wrong and what is valid.
    public init(_ code: ErrorCode, _ message: String, hint: String? = nil, details: JSONObject = JSONObject()) {
        self.code = code
        self.message = message
        self.hint = hint
        self.details = details
    }

    /// The text in one line.
    public var description: String { "\(code.rawValue): \(message)" + (hint.map { " (\($0))" } ?? "") }

    /// The error as members of a JSON object: `code`, `message`, `hint`, `details`.
    public var fields: JSONObject {
        var object = JSONObject([("code", .string(code.rawValue)), ("message", .string(message))])
        if let hint { object["hint"] = .string(hint) }
        if details.count > 0 { object["details"] = .object(details) }
        return object
    }

    /// The `error` frame. `id` is a send's own id, which claudemesh clients match on.
    public func frame(requestID: String? = nil, id: String? = nil) -> [UInt8] {
        var object = fields
        if let id { object["id"] = .string(id) }
        return WireFrame.bytes(type: "error", fields: object, requestID: requestID)
    }

    /// Reads the members of an error answer; unknown codes become `internal_error` and keep their text. The texts are those of
    /// somebody else: they are cut, and cannot steer a terminal.
    public init(fields: JSONObject) {
        let raw = fields["code"]?.stringValue ?? ""
        self.init(
            ErrorCode(rawValue: raw) ?? .internalError,
            SafeText.line(
                fields["message"]?.stringValue ?? "the broker gave no reason (\(raw.prefix(64)))", limit: 4_000),
            hint: fields["hint"]?.stringValue.map { SafeText.line($0, limit: 4_000) },
            details: fields["details"]?.objectValue ?? JSONObject())
    }
}

extension MeshError {
    /// An argument that cannot be used: its name, what is wrong, what is valid.
    public static func argument(_ name: String, _ problem: String, hint: String? = nil) -> MeshError {
        MeshError(.invalidArgument, "\(name): \(problem)", hint: hint, details: ["field": .string(name)])
    }

    /// A JSON text or a field that could not be read.
    public init(_ error: JSONError, in place: String) {
        self.init(.badFrame, "\(place): \(error)", hint: "send one JSON object, UTF-8, as the protocol describes it")
    }
}
