import MeshCore

/// Groups of sessions: free roles, nested names. The smallest capability: it stores its data in the roster.
enum Groups {
    /// Groups that one session may belong to.
    static let maximumPerSession = 64

    static let capability = Capability("groups") {
        Write(JoinGroup.self) { request, context in
            let (session, _) = try context.caller()
            let membership = GroupMembership(name: request.name, role: request.role).normalised
            let groups = try joined(session.groups, with: membership)
            try context.update(session.number) { $0.groups = groups }
            try context.record(
                "group.joined", object: session.key.hex,
                ["name": .string(membership.name)], commitments: request.role.map { ["role": $0.commitment] } ?? [:])
            return GroupsOfSession(groups: groups)
        }
        Write(LeaveGroup.self) { request, context in
            let (session, _) = try context.caller()
            let name = Names.normalised(request.name)
            guard session.groups.contains(where: { $0.name.isSame(as: name) }) else {
                throw MeshError(
                    .notFound, "this session is not in @\(name.prefix(64))",
                    hint: session.groups.isEmpty
                        ? "it is in no group"
                        : "it is in \(session.groups.prefix(8).map(\.name).joined(separator: ", "))")
            }
            let groups = session.groups.filter { !$0.name.isSame(as: name) }
            try context.update(session.number) { $0.groups = groups }
            try context.record("group.left", object: session.key.hex, ["name": .string(name)])
            return GroupsOfSession(groups: groups)
        }
        Read(ListGroups.self) { _, view in GroupList(groups: try list(view)) }
    }

    /// Returns the groups after joining one: a new one at the end, a known one with its new role.
    static func joined(
        _ groups: [GroupMembership], with membership: GroupMembership
    ) throws(MeshError) -> [GroupMembership] {
        let membership = membership.normalised
        try Names.checkGroup(membership.name)
        // A hello brings groups as well, and is not a request.
        if let role = membership.role, role.utf8.count > 64 { throw .argument("role", "at most 64 bytes") }
        var result = groups
        if let place = result.firstIndex(where: { $0.name.isSame(as: membership.name) }) {
            result[place] = membership
        } else {
            result.append(membership)
        }
        guard result.count <= maximumPerSession else {
            throw MeshError(
                .capacity, "a session belongs to at most \(maximumPerSession) groups", hint: "leave one first")
        }
        return result
    }

    /// Fails with `too_large` when all groups together are more than one answer holds.
    private static func list(_ view: ReadView) throws -> [GroupList.Group] {
        let roster = view.roster
        var groups: [String: [GroupList.Seat]] = [:]
        let visible = roster.sessionOrder.lazy.filter { roster.sessions[$0]?.isVisible == true }
        let listed = try view.whole(visible, "all groups", hint: "ask for the peers in pages: list_peers") { number in
            (roster.sessions[number]?.groups ?? []).reduce(0) { $0 + 200 + $1.name.utf8.count }
        }
        for number in listed {
            guard let session = roster.sessions[number], session.isVisible, let member = roster.members[session.member]
            else { continue }
            for group in session.groups {
                let key = session.claimedKey ?? member.key
                groups[group.name, default: []].append(
                    GroupList.Seat(name: member.name, label: session.label, pubkey: key.hex, role: group.role))
            }
        }
        return groups.keys.sorted().map { GroupList.Group(name: $0, members: groups[$0] ?? []) }
    }
}

extension String {
    /// The commitment that stands for a text in the ledger.
    var commitment: String { WriteContext.digest(Array(utf8)) }
}
