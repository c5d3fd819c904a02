package import MeshCore

/// Looks up a session that is known and proved, so that a call of it needs no write.
package struct FindSession: InternalReadRequest {
    /// The session's key.
    package var session: PublicKey
    /// The member whose session it must be, if the caller named one.
    package var member: PublicKey?
    package init(session: PublicKey, member: PublicKey?) {
        self.session = session
        self.member = member
    }
    package static let declaration = RequestDeclaration.internalOnly("_find_session", "Find a session.")
    package typealias Answer = SessionFound
}

/// A session, or none.
package struct SessionFound: InternalReply {
    package static let type = "_session_found"
    /// Its number; nil when it is not known, or not proved.
    package var number: Int64?
    /// The key of its member.
    package var member: PublicKey?
    /// Whether the named member is one, or was.
    package var isMember = false
}

/// A read that only the broker itself makes, with fields that no public interface shows.
package protocol InternalReadRequest: Request {}

extension InternalReadRequest {
    package static var kind: RequestKind { .read }
    package static var object: ObjectSchema { ObjectSchema() }
}

/// A read that only the broker itself makes; it cannot be requested on the wire.
package struct InternalRead<Body: InternalReadRequest>: CapabilityItem {
    let body: @Sendable (Body, ReadView) throws -> Body.Answer
    package init(_ type: Body.Type, _ body: @escaping @Sendable (Body, ReadView) throws -> Body.Answer) {
        self.body = body
    }
    package func register(in table: inout CapabilityTable, capability: String) {
        let body = body
        table.add(
            .init(
                Body.self, capability: capability,
                run: .read { request, view in
                    guard let request = request as? Body else {
                        throw MeshError(.internalError, "the table gave another type to \(Body.type)")
                    }
                    return try body(request, view)
                }), isPublic: false)
    }
}

/// The broker's own reads about sessions.
enum SessionLookup {
    static let capability = Capability("session-lookup") {
        InternalRead(FindSession.self) { request, view in
            guard let session = view.roster.session(key: request.session), session.isProven, session.binding != nil,
                let member = view.roster.members[session.member]?.key,
                request.member == nil || request.member == member
            else { return SessionFound(isMember: request.member.flatMap { view.roster.member(key: $0) } != nil) }
            return SessionFound(number: session.number.rawValue, member: member)
        }
    }
}
