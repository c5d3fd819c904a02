/// One recipient of a message.
public enum Recipient: Sendable, Hashable {
    /// A session.
    case session(SessionNumber)
    /// A member that has no session yet; its first session gets the message.
    case member(MemberNumber)
}

/// The recipients of a list of targets.
public struct Resolution: Sendable, Hashable {
    /// The kind of the targets.
    public enum Kind: String, Sendable, Hashable { case direct, group, topic, all, mixed }
    /// `mixed` when targets of several kinds appear together.
    public var kind: Kind
    /// Each recipient once: sessions ascending, then members without a session.
    public var recipients: [Recipient]
    /// The topics among the targets: they store the message in their history.
    public var topics: [TopicNumber] = []
    /// Whether every recipient must be sent a sealed copy.
    public var isSealed: Bool { kind == .direct }
}

extension Roster {
    /// Resolves targets to recipients: the only code that does. The sending session is excluded, its siblings are not.
    ///
    /// Order for a name: exact key, member name, `member/label`, unique label, unique key prefix of 8 or more.
    /// Fails with `unknown_target` (suggesting the nearest names), `ambiguous_target` (listing the candidates) or
    /// `no_recipients`.
    public func resolve(_ spec: TargetSpec, from sender: SessionNumber?, at now: Int64) throws(MeshError) -> Resolution
    {
        guard (1...256).contains(spec.targets.count) else {
            throw .argument("targetSpec", "1 to 256 targets, not \(spec.targets.count)")
        }
        // Most messages address one session by its key, when a client has sealed for it.
        if spec.targets.count == 1, let key = PublicKey(hex: spec.targets[0]), let session = session(key: key),
            session.hasKey, session.number != sender
        {
            return Resolution(kind: .direct, recipients: [.session(session.number)])
        }
        var sessionsFound: Set<SessionNumber> = []
        var membersFound: Set<MemberNumber> = []
        var kinds: Set<Resolution.Kind> = []
        var topicsFound: [TopicNumber] = []
        var readers: Set<MemberNumber> = []
        var seen: Set<String> = []
        for text in spec.targets where seen.insert(text).inserted {
            switch try Target(text) {
            case .key(let key):
                kinds.insert(.direct)
                try add(key: key, to: &sessionsFound, &membersFound)
            case .name(let name):
                kinds.insert(.direct)
                try add(name: name, to: &sessionsFound, &membersFound)
            case .group(let group):
                kinds.insert(.group)
                let found = sessions(inGroup: group, at: now)
                if found.isEmpty {
                    throw MeshError(
                        .unknownTarget, "no session belongs to @\(group)",
                        hint: "join it first: mesh-cli group join \(group)")
                }
                sessionsFound.formUnion(found)
            case .topic(let reference):
                kinds.insert(.topic)
                let topic = try openTopic(reference, to: sender.flatMap { sessions[$0]?.member })
                if !topicsFound.contains(topic.number) { topicsFound.append(topic.number) }
                readers.formUnion(topic.seats.keys)
            case .all:
                kinds.insert(.all)
                for number in sessionOrder where sessions[number]?.countsForGroups(at: now) == true {
                    sessionsFound.insert(number)
                }
            }
        }
        for member in readers { add(reader: member, at: now, to: &sessionsFound, &membersFound) }
        if let sender { sessionsFound.remove(sender) }
        let recipients =
            sessionsFound.sorted().map { Recipient.session($0) } + membersFound.sorted().map { Recipient.member($0) }
        let kind = kinds.count == 1 ? kinds.first ?? .direct : .mixed
        if recipients.isEmpty && kind == .direct {
            throw MeshError(
                .noRecipients, "\(spec.text) is only the sending session itself",
                hint: "send to another session or name")
        }
        return Resolution(kind: kind, recipients: recipients, topics: topicsFound)
    }

    /// The topic that a sender may post to. Fails with `unknown_target` or `forbidden`.
    private func openTopic(_ reference: String, to sender: MemberNumber?) throws(MeshError) -> Topic {
        let topic = try topics.find(reference, for: sender, code: .unknownTarget)
        guard sender.map({ topic.isOpen(to: $0) }) ?? true else {
            throw MeshError(
                .forbidden, "an observer of #\(topic.name) does not post there", hint: "ask a lead of the topic")
        }
        return topic
    }

    /// A topic is read by members: by each session that counts, else by the durable session that was here last; a
    /// member with none of them gets it with its next session.
    private func add(
        reader member: MemberNumber, at now: Int64, to sessionsFound: inout Set<SessionNumber>,
        _ membersFound: inout Set<MemberNumber>
    ) {
        guard let facts = members[member], facts.revokedAt == nil else { return }
        let own = sessions(of: member).compactMap { sessions[$0] }
        let counting = own.filter { $0.countsForGroups(at: now) }
        let last = own.filter { !$0.isForeign }.max { ($0.lastSeenAt, $0.number) < ($1.lastSeenAt, $1.number) }
        if !counting.isEmpty {
            sessionsFound.formUnion(counting.map(\.number))
        } else if let last {
            sessionsFound.insert(last.number)
        } else {
            membersFound.insert(member)
        }
    }

    /// Sessions in a group or in one nested below it, ascending.
    public func sessions(inGroup group: String, at now: Int64) -> [SessionNumber] {
        (index.groups(self)[Names.normalised(group)] ?? []).filter { sessions[$0]?.countsForGroups(at: now) == true }
    }

    private func add(
        key: PublicKey, to sessionsFound: inout Set<SessionNumber>, _ membersFound: inout Set<MemberNumber>
    ) throws(MeshError) {
        if let session = session(key: key), session.hasKey {
            sessionsFound.insert(session.number)
        } else if let member = member(key: key), member.revokedAt == nil {
            add(member: member, to: &sessionsFound, &membersFound)
        } else {
            throw MeshError(
                .unknownTarget, "no session or member has the key \(key.shortHex)…",
                hint: "see who is known: mesh-cli member list, mesh-cli peer list")
        }
    }

    private func add(
        member: Member, to sessionsFound: inout Set<SessionNumber>, _ membersFound: inout Set<MemberNumber>
    ) {
        let own = sessions(of: member.number).filter { sessions[$0]?.isGone == false }
        if own.isEmpty { membersFound.insert(member.number) } else { sessionsFound.formUnion(own) }
    }

    private func add(
        name: String, to sessionsFound: inout Set<SessionNumber>, _ membersFound: inout Set<MemberNumber>
    ) throws(MeshError) {
        if let member = member(name: name) {
            return add(member: member, to: &sessionsFound, &membersFound)
        }
        if let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")), let member = member(name: String(name[..<slash])) {
            let label = String(name[name.index(after: slash)...])
            let known = sessions(of: member.number).filter { sessions[$0]?.label == label }
            let matches = known.filter { sessions[$0]?.isGone == false }
            guard let match = matches.last else {
                if !known.isEmpty { throw gone(name, member) }
                let labels = sessions(of: member.number).compactMap { sessions[$0]?.label }
                throw MeshError(
                    .unknownTarget, "\(member.name) has no session named \(label)",
                    hint: labels.isEmpty
                        ? "send to \(member.name)" : "its sessions: \(labels.prefix(8).joined(separator: ", "))")
            }
            // Foreign clients may share a display name: then all of them are meant.
            for number in matches { sessionsFound.insert(number) }
            sessionsFound.insert(match)
            return
        }
        // A label that reads like a member's name, the mesh's own or a key is reachable only as `member/label`: a
        // sender of the bare label means somebody else.
        let known = Labels.beginsKey(name) ? [] : sessions(labelled: name)
        if known.contains(where: { sessions[$0].map { isMisleading(name, of: $0.member) } ?? false }) {
            throw misleading(name, known)
        }
        let labelled = known.filter { sessions[$0]?.isGone == false }
        if labelled.isEmpty, let last = known.last, let member = sessions[last].flatMap({ members[$0.member] }) {
            throw gone(name, member)
        }
        if labelled.count == 1 {
            sessionsFound.insert(labelled[0])
            return
        }
        if labelled.count > 1 { throw ambiguous(name, labelled) }
        try add(prefix: name, to: &sessionsFound, &membersFound)
    }

    /// A prefix means the one proved key that begins with it: a member's, or a session's.
    ///
    /// Anybody can name a key that begins like any other: a prefix never means such a key. Making a proved key with a
    /// given prefix takes time, for short prefixes no more than minutes: beside a named one they are ambiguous.
    /// A removed member still has its key: another key with the same prefix does not get its mail.
    private func add(
        prefix: String, to sessionsFound: inout Set<SessionNumber>, _ membersFound: inout Set<MemberNumber>
    ) throws(MeshError) {
        guard Labels.beginsKey(prefix) else { throw unknown(prefix) }
        let whole = members(keyPrefix: prefix)
        let own = Set(whole.compactMap { members[$0]?.key })
        let known = sessions(keyPrefix: prefix).filter { sessions[$0].map { !own.contains($0.key) } ?? false }
        let proved = known.filter { sessions[$0]?.isProven == true }
        let isImitated = proved.count < known.count && prefix.utf8.count < Self.costlyPrefix
        switch (proved.count, whole.count) {
        case (1, 0) where !isImitated: sessionsFound.insert(proved[0])
        case (0, 1) where !isImitated:
            guard let member = members[whole[0]], member.revokedAt == nil else { throw unknown(prefix) }
            try add(key: member.key, to: &sessionsFound, &membersFound)
        case (0, 0):
            guard !known.isEmpty else { throw unknown(prefix) }
            throw named(prefix, known)
        default: throw ambiguous(prefix, known, whole)
        }
    }

    /// Digits of a prefix for which nobody can make a second key: 64 bits.
    private static let costlyPrefix = 16

    /// The error when only named keys have this prefix.
    private func named(_ prefix: String, _ candidates: [SessionNumber]) -> MeshError {
        let names = candidates.prefix(3).compactMap { number in
            sessions[number].flatMap { members[$0.member]?.name }
        }
        return MeshError(
            .unknownTarget, "\(prefix) begins no key that was proved",
            hint: "use the whole key, or a name: \(names.joined(separator: " or "))",
            details: ["nearest": .array(names.map { .string($0) })])
    }

    private func ambiguous(
        _ name: String, _ candidates: [SessionNumber], _ whole: [MemberNumber] = []
    ) -> MeshError {
        var names = whole.prefix(8).compactMap { members[$0]?.name }
        names += candidates.prefix(8).compactMap { number -> String? in
            guard let session = sessions[number], let member = members[session.member] else { return nil }
            return "\(member.name)/\(session.label ?? session.key.shortHex)"
        }
        return MeshError(
            .ambiguousTarget, "\(name) means more than one: \(names.joined(separator: ", "))",
            hint: "name one of them in full, or use its key")
    }

    /// The error when every match of a name has left, and nothing sealed for it could be opened.
    private func gone(_ name: String, _ member: Member) -> MeshError {
        MeshError(
            .unknownTarget, "\(name) has left and is not expected back",
            hint: "send to \(member.name): the next session of that member gets it")
    }

    /// The error when no member or session has this name; only labels that must not be taken for it.
    private func misleading(_ name: String, _ candidates: [SessionNumber]) -> MeshError {
        let names = candidates.prefix(3).compactMap { number in
            sessions[number].flatMap { members[$0.member]?.name }.map { "\($0)/\(name)" }
        }
        return MeshError(
            .unknownTarget, "no member is called \(name), only a session that gave itself this label",
            hint: "if you mean that session: \(names.joined(separator: " or "))",
            details: ["nearest": .array(names.map { .string($0) })])
    }

    private func unknown(_ name: String) -> MeshError {
        let near = nearest(to: name, limit: 3)
        return MeshError(
            .unknownTarget, "nobody here is called \(name)",
            hint: near.isEmpty
                ? "see who is known: mesh-cli peer list" : "did you mean \(near.joined(separator: " or "))?",
            details: ["nearest": .array(near.map { .string($0) })])
    }
}
