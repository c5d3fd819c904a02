import MeshCore
import MeshStore

/// Topics: named channels of members, with a history of their own, read marks and mentions.
enum Topics {
    /// Topics of one mesh.
    static let maximum = 10_000
    /// Messages that a topic's history holds; the oldest are deleted first.
    static let maximumHistory: Int64 = 100_000
    /// Unread messages are counted up to here.
    static let maximumCounted: Int64 = 1_000
    /// The newest mentions of a member that are read when its unread ones are counted.
    static let maximumMentionsCounted: Int64 = 10_000

    static let migrations = [
        Migration(
            name: "topics-1",
            sql: """
                CREATE TABLE topic (
                    number INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, about TEXT,
                    visibility TEXT NOT NULL, created_at INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE topic_member (
                    topic INTEGER NOT NULL, member INTEGER NOT NULL, role TEXT NOT NULL, joined_at INTEGER NOT NULL,
                    read_message INTEGER NOT NULL, read_at INTEGER,
                    PRIMARY KEY (topic, member)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE topic_message (
                    topic INTEGER NOT NULL, message INTEGER NOT NULL, member INTEGER NOT NULL, sender TEXT NOT NULL,
                    nonce TEXT NOT NULL, ciphertext TEXT NOT NULL, body_version INTEGER NOT NULL, reply_to INTEGER,
                    mentions TEXT, accepted_at INTEGER NOT NULL,
                    PRIMARY KEY (topic, message)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE topic_mention (
                    member INTEGER NOT NULL, message INTEGER NOT NULL, topic INTEGER NOT NULL,
                    PRIMARY KEY (member, message, topic)
                ) STRICT, WITHOUT ROWID;
                """)
    ]

    /// Number of messages in each history.
    final class Memory: CapabilityMemory {
        var counts: [TopicNumber: Int64] = [:]
        /// Whether the counts match the tables: damage can prevent reading them.
        var isCounted = false
        var next: Int64 = 1
        init() {}
    }

    static let capability = Capability("topics", migrations: migrations) {
        Write(CreateTopic.self) { request, context in try create(request, context) }
        Write(JoinTopic.self) { request, context in try join(request, context) }
        Write(LeaveTopic.self) { request, context in try leave(request, context) }
        Write(MarkTopicRead.self) { request, context in try markRead(request, context) }
        Read(ListTopics.self) { request, view in
            let member = try view.caller().member.number
            let mentions = try mentions(of: member, view)
            var page = view.listPage()
            var rows: [TopicList.Row] = []
            for topic in view.roster.topics.all(after: request.after) where topic.isVisible(to: member) {
                let row = try row(topic, for: member, mentions, view.state)
                // Counting what is unread costs work as well.
                guard page.takes(300 + (topic.about?.utf8.count ?? 0) + 4 * (row.unread ?? 0)) else { break }
                rows.append(row)
            }
            return TopicList(topics: rows, next: page.isFull ? rows.last?.name : nil)
        }
        Read(ListTopicMembers.self) { request, view in
            let topic = try view.roster.topics.find(request.topic, for: view.caller().member.number, code: .notFound)
            let marks = try view.rows(
                "SELECT member, read_at FROM topic_member WHERE topic = ? AND read_at IS NOT NULL",
                topic.number.rawValue
            ) { (MemberNumber(rawValue: $0.int(0)), $0.int(1)) }
            let readAt = Dictionary(marks) { first, _ in first }
            let start = try view.cursor(request.after) { view.roster.member(key: $0)?.number }
            let present = topic.members.after(start).lazy.compactMap { view.roster.members[$0] }.filter {
                $0.revokedAt == nil
            }
            var page = view.listPage()
            let taken = page.take(present) { $0.listBytes }
            return TopicMembers(
                topic: request.topic,
                members: taken.compactMap { member in
                    topic.seats[member.number].map { seat in
                        TopicMembers.Row(
                            memberId: member.id, pubkey: member.key, displayName: member.name, role: seat.role,
                            joinedAt: Timestamp.iso8601(seat.joinedAt),
                            lastReadAt: readAt[member.number].map(Timestamp.iso8601))
                    }
                }, next: page.isFull ? taken.last?.keyHex : nil)
        }
        Read(TopicHistory.self) { request, view in
            let topic = try view.roster.topics.find(request.topic, for: view.caller().member.number, code: .notFound)
            let limit = request.limit ?? 50
            let before = try place(request.beforeId, view.state) ?? .max
            let (messages, more) = try history(
                "\(select) WHERE topic = ?1 AND message < ?2 ORDER BY message DESC LIMIT ?3", topic.number.rawValue,
                before, limit: limit, view)
            return TopicHistoryPage(topic: request.topic, messages: messages, more: more)
        }
        Read(ListMentions.self) { request, view in
            let member = try view.caller().member.number.rawValue
            let before = try place(request.beforeId, view.state) ?? .max
            let unread = """
                AND EXISTS (SELECT 1 FROM topic_member s WHERE s.topic = topic_mention.topic AND s.member = ?1
                    AND s.read_message < topic_mention.message)
                """
            // A member removed from a topic no longer reads it, including the messages that mentioned it.
            let visible = """
                AND (EXISTS (SELECT 1 FROM topic_member s WHERE s.topic = topic_mention.topic AND s.member = ?1)
                    OR EXISTS (SELECT 1 FROM topic t WHERE t.number = topic_mention.topic
                        AND t.visibility = '\(TopicVisibility.everyone.rawValue)'))
                """
            let (messages, more) = try history(
                """
                \(select) JOIN topic_mention USING (topic, message) WHERE topic_mention.member = ?1 AND message < ?2
                \(visible) \(request.unread == true ? unread : "") ORDER BY message DESC LIMIT ?3
                """, member, before, limit: request.limit ?? 50, view)
            return MentionList(messages: messages, more: more ? true : nil)
        }
        Load { state in try load(state) }
    }

    // MARK: Membership

    private static func create(_ request: CreateTopic, _ context: WriteContext) throws -> TopicCreated {
        let (_, member) = try context.caller()
        let state = context.state
        let name = Names.normalised(request.name)
        // By its name alone: ids are in the ledger, and must not reveal the names of topics that are not open to all.
        if let topic = state.roster.topics.named(name) {
            guard topic.isVisible(to: member.number) else {
                throw MeshError(.exists, "#\(topic.name) exists and is not open to you", hint: "choose another name")
            }
            if topic.seats[member.number] == nil { try seat(member, .member, in: topic, context) }
            return TopicCreated(
                topic: .init(id: topic.id, name: topic.name, visibility: topic.visibility), created: false)
        }
        guard state.roster.topics.count < maximum else {
            throw MeshError(.capacity, "a mesh has at most \(maximum) topics")
        }
        let memory = state.memory(Memory.self)
        let topic = Topic(
            number: TopicNumber(rawValue: memory.next), id: Hex.encode(context.randomBytes().prefix(16)),
            name: name, about: request.description, visibility: request.visibility ?? .everyone,
            createdAt: context.now)
        try state.database.prepare(
            "INSERT INTO topic (number, id, name, about, visibility, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        ).run(
            topic.number.rawValue, topic.id, topic.name, topic.about, topic.visibility.rawValue, topic.createdAt)
        memory.next += 1
        state.roster.topics.insert(topic)
        try context.record(
            "topic.created", object: topic.id, ["visibility": .string(topic.visibility.rawValue)],
            commitments: ["name": topic.name.commitment])
        try seat(member, .lead, in: topic, context)
        return TopicCreated(topic: .init(id: topic.id, name: topic.name, visibility: topic.visibility), created: true)
    }

    private static func join(_ request: JoinTopic, _ context: WriteContext) throws -> TopicJoined {
        let (_, caller) = try context.caller()
        let topic = try context.state.roster.topics.find(request.topic, for: caller.number, code: .notFound)
        let member = try request.member.map { try context.state.roster.present($0) } ?? caller
        let isLead = leads(caller, topic)
        let present = topic.seats[member.number]?.role
        if member.number != caller.number, !isLead { throw notLead(topic) }
        var role = request.role ?? present ?? .member
        if role == .lead, present != .lead, !isLead { throw notLead(topic) }
        // A member that is already in keeps its role, as claudemesh clients that join at every start expect.
        if let present, !isLead || request.role == nil { role = present }
        if role != .observer, member.role == .observer {
            guard request.role == nil else {
                throw MeshError(.forbidden, "\(member.name) only observes this mesh", hint: "--role observer")
            }
            role = .observer
        }
        if role != present { try seat(member, role, in: topic, context) }
        return TopicJoined(topic: topic.name, topicId: topic.id, member: member.name, role: role)
    }

    private static func leave(_ request: LeaveTopic, _ context: WriteContext) throws -> TopicLeft {
        let (_, caller) = try context.caller()
        let state = context.state
        let topic = try state.roster.topics.find(request.topic, for: caller.number, code: .notFound)
        let member = try request.member.map { try context.state.roster.present($0) } ?? caller
        if member.number != caller.number, !leads(caller, topic) { throw notLead(topic) }
        guard topic.seats[member.number] != nil else {
            throw MeshError(.notFound, "\(member.name) is not in #\(topic.name)")
        }
        try state.database.prepare("DELETE FROM topic_member WHERE topic = ? AND member = ?")
            .run(topic.number.rawValue, member.number.rawValue)
        state.roster.topics.seat(member.number, in: topic.number, nil)
        try context.record("topic.left", object: topic.id, ["member": .string(member.keyHex)])
        return TopicLeft(topic: topic.name, member: member.name)
    }

    /// Removes a member from all topics: one that is removed from the mesh, and may come back as another.
    static func leaveAll(_ member: MemberNumber, _ context: WriteContext) throws {
        let state = context.state
        try state.database.prepare("DELETE FROM topic_member WHERE member = ?").run(member.rawValue)
        state.roster.topics.unseat(member)
    }

    /// Gives a member a seat, or another role; nothing is unread for a newcomer.
    private static func seat(_ member: Member, _ role: TopicRole, in topic: Topic, _ context: WriteContext) throws {
        let state = context.state
        let joinedAt = topic.seats[member.number]?.joinedAt ?? context.now
        try state.database.prepare(
            """
            INSERT INTO topic_member (topic, member, role, joined_at, read_message) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (topic, member) DO UPDATE SET role = excluded.role
            """
        ).run(
            topic.number.rawValue, member.number.rawValue, role.rawValue, joinedAt, state.nextMessage - 1)
        state.roster.topics.seat(member.number, in: topic.number, .init(role: role, joinedAt: joinedAt))
        try context.record(
            "topic.joined", object: topic.id, ["member": .string(member.keyHex), "role": .string(role.rawValue)])
    }

    private static func leads(_ member: Member, _ topic: Topic) -> Bool {
        topic.seats[member.number]?.role == .lead || member.may(.admin)
    }

    private static func notLead(_ topic: Topic) -> MeshError {
        MeshError(.forbidden, "only a lead of #\(topic.name) or an admin does this", hint: "ask a lead of the topic")
    }

    // MARK: History

    /// Stores a message in the histories of its topics, with its mentions there.
    static func remember(_ message: StoredMessage, in topics: [TopicNumber], _ context: WriteContext) throws {
        let state = context.state
        guard !topics.isEmpty, case .shared(let nonce, let ciphertext, _) = message.body else { return }
        let mentions = try message.extra.mentions.map { try JSONCoder.encode($0).text }
        for topic in topics {
            try state.database.prepare(
                """
                INSERT INTO topic_message (topic, message, member, sender, nonce, ciphertext, body_version, reply_to,
                    mentions, accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
            ).run(
                topic.rawValue, message.seq, message.member.rawValue, message.extra.senderPubkey, nonce, ciphertext,
                Int64(message.extra.bodyVersion ?? 1), message.replyTo, mentions, message.acceptedAt)
            for name in message.extra.mentions ?? [] {
                guard let member = state.roster.member(name: name.dropping(mark: "@")),
                    state.roster.topics[topic]?.isVisible(to: member.number) == true
                else { continue }
                try state.database.prepare(
                    "INSERT OR IGNORE INTO topic_mention (member, message, topic) VALUES (?, ?, ?)"
                )
                .run(member.number.rawValue, message.seq, topic.rawValue)
            }
            try trim(topic, state)
        }
    }

    /// Deletes the oldest messages of a history that is over its limit, some at a time.
    private static func trim(_ topic: TopicNumber, _ state: EngineState) throws {
        let memory = state.memory(Memory.self)
        memory.counts[topic, default: 0] += 1
        let over = memory.counts[topic, default: 0] - maximumHistory
        guard over >= maximumHistory / 100 else { return }
        let last = try state.database.prepare(
            "SELECT message FROM topic_message WHERE topic = ? ORDER BY message LIMIT 1 OFFSET ?"
        ).first(topic.rawValue, over) { $0.int(0) }
        guard let last else { return }
        for table in ["topic_message", "topic_mention"] {
            try state.database.prepare("DELETE FROM \(table) WHERE topic = ? AND message < ?").run(topic.rawValue, last)
        }
        memory.counts[topic] = maximumHistory
    }

    private static let select = """
        SELECT topic, message, topic_message.member, sender, nonce, ciphertext, body_version, reply_to, mentions,
            accepted_at FROM topic_message
        """

    /// Returns a page of messages, and whether older ones follow. The query takes its subject, the message that the
    /// page ends before, and a limit.
    private static func history(
        _ sql: String, _ subject: Int64, _ before: Int64, limit: Int, _ view: ReadView
    ) throws -> (messages: [TopicMessage], more: Bool) {
        var page = view.page()
        var messages: [TopicMessage] = []
        var more = false
        try view.each(sql, subject, before, Int64(limit + 1)) { row in
            more = messages.count == limit || !page.takes(500 + row.withBlob(5) { $0.count })
            if !more { messages.append(try message(row, view.state)) }
            return !more
        }
        return (messages, more)
    }

    private static func message(_ row: Statement, _ state: EngineState) throws -> TopicMessage {
        let member = state.roster.members[MemberNumber(rawValue: row.int(2))]
        let mentions =
            row.isNull(8)
            ? nil : try JSONCoder.decode([String].self, from: JSON.parse(Array(row.text(8).utf8), limits: .frame))
        var message = TopicMessage(
            id: state.messageIDs.id(row.int(1)),
            topic: state.roster.topics[TopicNumber(rawValue: row.int(0))]?.name ?? "", senderPubkey: row.text(3),
            senderMemberId: member?.id ?? "", senderName: member?.name ?? "", nonce: row.text(4),
            ciphertext: row.text(5), bodyVersion: Int(row.int(6)),
            replyToId: row.isNull(7) ? nil : state.messageIDs.id(row.int(7)), mentions: mentions,
            createdAt: Timestamp.iso8601(row.int(9)))
        message.senderMemberPubkey = member?.key
        return message
    }

    /// The number of the message that a page or a mark names.
    private static func place(_ id: String?, _ state: EngineState) throws(MeshError) -> Int64? {
        guard let id else { return nil }
        guard let seq = state.messageIDs.seq(id), seq < state.nextMessage else {
            throw MeshError(.notFound, "no message has the id \(id.prefix(64))")
        }
        return seq
    }

    // MARK: Read marks

    private static func markRead(_ request: MarkTopicRead, _ context: WriteContext) throws -> TopicRead {
        let (_, member) = try context.caller()
        let state = context.state
        let topic = try state.roster.topics.find(request.topic, for: member.number, code: .notFound)
        guard topic.seats[member.number] != nil else {
            throw MeshError(
                .notFound, "\(member.name) is not in #\(topic.name)", hint: "mesh-cli topic join \(topic.name)")
        }
        let last = try place(request.upToId, state) ?? (state.nextMessage - 1)
        let moved = try state.database.prepare(
            "UPDATE topic_member SET read_message = ?, read_at = ? WHERE topic = ? AND member = ? AND read_message < ?"
        )
        try moved.run(last, context.now, topic.number.rawValue, member.number.rawValue, last)
        if state.database.changes > 0 { try context.record("topic.read", object: topic.id) }
        return TopicRead(
            topic: topic.name,
            unread: try unread(topic, member.number, after: try readMark(topic, member.number, state), state))
    }

    /// Messages of others after a read mark, counted to 1,000.
    private static func unread(
        _ topic: Topic, _ member: MemberNumber, after mark: Int64, _ state: EngineState
    ) throws -> Int {
        let memory = state.memory(Memory.self)
        // The table is searched by comparing whole messages, so a topic without any is not searched.
        if memory.isCounted, memory.counts[topic.number, default: 0] == 0 { return 0 }
        let all = try state.database.prepare(
            """
            SELECT COUNT(*) FROM (
                SELECT 1 FROM topic_message WHERE topic = ? AND message > ? AND member <> ? LIMIT ?)
            """
        ).first(topic.number.rawValue, mark, member.rawValue, maximumCounted) { $0.int(0) }
        return Int(all ?? 0)
    }

    /// A member's newest mentions by topic: one pass over them serves all of its topics.
    private static func mentions(of member: MemberNumber, _ view: ReadView) throws -> [TopicNumber: [Int64]] {
        var found: [TopicNumber: [Int64]] = [:]
        try view.each(
            "SELECT topic, message FROM topic_mention WHERE member = ? ORDER BY message DESC LIMIT ?", member.rawValue,
            maximumMentionsCounted
        ) { row in
            found[TopicNumber(rawValue: row.int(0)), default: []].append(row.int(1))
            return true
        }
        return found
    }

    private static func row(
        _ topic: Topic, for member: MemberNumber, _ mentions: [TopicNumber: [Int64]], _ state: EngineState
    ) throws -> TopicList.Row {
        var row = TopicList.Row(
            id: topic.id, name: topic.name, description: topic.about, visibility: topic.visibility,
            memberCount: topic.seats.count, createdAt: Timestamp.iso8601(topic.createdAt))
        guard let seat = topic.seats[member] else { return row }
        row.role = seat.role
        let mark = try readMark(topic, member, state)
        row.unread = try unread(topic, member, after: mark, state)
        row.mentions = mentions[topic.number]?.count { $0 > mark } ?? 0
        return row
    }

    private static func readMark(_ topic: Topic, _ member: MemberNumber, _ state: EngineState) throws -> Int64 {
        try state.database.prepare("SELECT read_message FROM topic_member WHERE topic = ? AND member = ?")
            .first(topic.number.rawValue, member.rawValue) { $0.int(0) } ?? 0
    }

    // MARK: Opening

    private static func load(_ state: EngineState) throws {
        let memory = state.memory(Memory.self)
        memory.counts.removeAll()
        memory.isCounted = true
        state.roster.topics = TopicDirectory()
        let topics = try state.database.prepare(
            "SELECT number, id, name, about, visibility, created_at FROM topic ORDER BY number"
        ).rows { row in
            guard let visibility = TopicVisibility(rawValue: row.text(4)) else {
                throw MeshError(.storageFailed, "topic \(row.int(0)) cannot be read")
            }
            return Topic(
                number: TopicNumber(rawValue: row.int(0)), id: row.text(1), name: row.text(2),
                about: row.isNull(3) ? nil : row.text(3), visibility: visibility, createdAt: row.int(5))
        }
        for topic in topics { state.roster.topics.insert(topic) }
        memory.next = (topics.last?.number.rawValue ?? 0) + 1
        let seats = try state.database.prepare("SELECT topic, member, role, joined_at FROM topic_member").rows { row in
            guard let role = TopicRole(rawValue: row.text(2)) else {
                throw MeshError(.storageFailed, "a member of topic \(row.int(0)) cannot be read")
            }
            return (
                TopicNumber(rawValue: row.int(0)), MemberNumber(rawValue: row.int(1)),
                Topic.Seat(role: role, joinedAt: row.int(3))
            )
        }
        for (topic, member, seat) in seats { state.roster.topics.seat(member, in: topic, seat) }
        let counts: [(TopicNumber, Int64)]
        do {
            counts = try state.database.prepare("SELECT topic, COUNT(*) FROM topic_message GROUP BY topic").rows {
                (TopicNumber(rawValue: $0.int(0)), $0.int(1))
            }
        } catch let error as StoreError where error.isDamage {
            // A partly readable history is served in part; its length only decides when to trim it.
            counts = []
            memory.isCounted = false
        }
        for (topic, count) in counts { memory.counts[topic] = count }
    }
}
