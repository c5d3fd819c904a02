/// The outcome of a member's claim to a session key.
public enum KeyClaim: Sendable, Hashable {
    /// No session has the key.
    case free
    /// The member has it already.
    case own(Session)
    /// Another member named it without proof: it goes to the one that proves it.
    case takenFrom(Session)
}

/// Who owns a session key: the one place that decides it, however a key enters.
extension Roster {
    /// Decides a claim of a member to a session key.
    ///
    /// A key that is a member's own belongs only to that member, even if removed. Among sessions the first
    /// has it, but a key that was only named yields to one that is proved. Fails with `session_key_taken`.
    public func claim(
        _ key: PublicKey, by claimant: MemberNumber, isProven: Bool
    ) throws(MeshError) -> KeyClaim {
        if let owner = member(key: key), owner.number != claimant {
            throw taken("this session key is the key of another member")
        }
        guard let known = session(key: key) else { return .free }
        if known.member == claimant { return .own(known) }
        guard isProven, !known.isProven else { throw taken("this session key belongs to another member") }
        return .takenFrom(known)
    }

    /// The session that a member's key must be taken from, because another member named it as a session key. Fails with
    /// `session_key_taken` when that session proved the key: then its holder was there first.
    public func usurper(of key: PublicKey, owner: MemberNumber?) throws(MeshError) -> Session? {
        guard let known = session(key: key), known.member != owner else { return nil }
        guard !known.isProven else {
            let name = members[known.member]?.name ?? "a member"
            throw taken("this key is the key of a session of \(name)")
        }
        return known
    }

    private func taken(_ text: String) -> MeshError {
        MeshError(.sessionKeyTaken, text, hint: "make a new key")
    }
}
