import Synchronization

/// Indexes for look-ups over the roster, each built at its first use after a change: scanning all
/// sessions for each target would make small requests expensive. Copies of a roster share it until one of them changes.
final class RosterIndex: Sendable {
    private struct Parts {
        var labels: [String: [SessionNumber]]?
        var groups: [String: [SessionNumber]]?
        var sessionKeys: [UInt32: [SessionNumber]]?
        var memberKeys: [UInt32: [MemberNumber]]?
        var names: [Nearest.Known]?
        var isEmpty = true
    }

    private let parts = Mutex(Parts())

    /// Whether nothing was looked up yet.
    var isEmpty: Bool { parts.withLock { $0.isEmpty } }

    private func part<Part: Sendable>(
        _ path: any WritableKeyPath<Parts, Part?> & Sendable, _ make: () -> Part
    ) -> Part {
        if let known = parts.withLock({ $0[keyPath: path] }) { return known }
        let made = make()
        parts.withLock { parts in
            parts[keyPath: path] = made
            parts.isEmpty = false
        }
        return made
    }

    /// Sessions by label, each list ascending.
    func labels(_ roster: Roster) -> [String: [SessionNumber]] {
        let (sessions, order) = (roster.sessions, roster.sessionOrder)
        return part(\.labels) {
            var found: [String: [SessionNumber]] = [:]
            for number in order {
                if let label = sessions[number]?.label { found[label, default: []].append(number) }
            }
            return found
        }
    }

    /// Sessions by group, those of nested groups included, each list ascending.
    func groups(_ roster: Roster) -> [String: [SessionNumber]] {
        let (sessions, order) = (roster.sessions, roster.sessionOrder)
        return part(\.groups) {
            var found: [String: [SessionNumber]] = [:]
            for number in order {
                for group in sessions[number]?.groups ?? [] {
                    Self.add(number, to: group.name, &found)
                    for slash in group.name.utf8.indices where group.name.utf8[slash] == UInt8(ascii: "/") {
                        Self.add(number, to: String(group.name[..<slash]), &found)
                    }
                }
            }
            return found
        }
    }

    private static func add(_ number: SessionNumber, to group: String, _ found: inout [String: [SessionNumber]]) {
        // A session may be in a group and in others below it.
        if found[group]?.last != number { found[group, default: []].append(number) }
    }

    /// Sessions by the first four bytes of their claimed key.
    func sessionKeys(_ roster: Roster) -> [UInt32: [SessionNumber]] {
        let (sessions, order) = (roster.sessions, roster.sessionOrder)
        return part(\.sessionKeys) {
            var found: [UInt32: [SessionNumber]] = [:]
            for number in order {
                if let key = sessions[number]?.claimedKey { found[Self.start(key), default: []].append(number) }
            }
            return found
        }
    }

    /// Members by the first four bytes of their key.
    func memberKeys(_ roster: Roster) -> [UInt32: [MemberNumber]] {
        let (members, order) = (roster.members, roster.memberOrder)
        return part(\.memberKeys) {
            var found: [UInt32: [MemberNumber]] = [:]
            for number in order {
                if let key = members[number]?.key { found[Self.start(key), default: []].append(number) }
            }
            return found
        }
    }

    private static func start(_ key: PublicKey) -> UInt32 {
        key.bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The names of current members, then the labels of sessions.
    func names(_ roster: Roster) -> [Nearest.Known] {
        let (members, memberOrder) = (roster.members, roster.memberOrder)
        let (sessions, sessionOrder) = (roster.sessions, roster.sessionOrder)
        return part(\.names) {
            var known = memberOrder.compactMap { members[$0] }.filter { $0.revokedAt == nil }.map(\.name)
            known += sessionOrder.compactMap { number in
                guard let session = sessions[number], let label = session.label, let member = members[session.member]
                else { return nil }
                // A label that is no target of its own is shown in its reachable form.
                return roster.isMisleading(label, of: member.number) ? "\(member.name)/\(label)" : label
            }
            return known.map { Nearest.Known($0) }
        }
    }
}

extension Roster {
    /// Sessions with a label, ascending.
    public func sessions(labelled label: String) -> [SessionNumber] {
        index.labels(self)[Names.normalised(label)] ?? []
    }

    /// Sessions whose claimed key begins with at least 8 hex digits, ascending.
    public func sessions(keyPrefix prefix: String) -> [SessionNumber] {
        guard let start = UInt32(prefix.prefix(8), radix: 16) else { return [] }
        return (index.sessionKeys(self)[start] ?? []).filter {
            sessions[$0]?.claimedKey?.hex.utf8.starts(with: prefix.utf8) == true
        }
    }

    /// Members whose key begins with at least 8 hex digits, ascending, removed ones included.
    public func members(keyPrefix prefix: String) -> [MemberNumber] {
        guard let start = UInt32(prefix.prefix(8), radix: 16) else { return [] }
        return (index.memberKeys(self)[start] ?? []).filter {
            members[$0]?.keyHex.utf8.starts(with: prefix.utf8) == true
        }
    }

    /// The names of members and sessions nearest to an unknown one.
    public func nearest(to name: String, limit: Int) -> [String] {
        Nearest.names(to: name, among: index.names(self), limit: limit)
    }
}
