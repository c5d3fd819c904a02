import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli topic …`
struct TopicNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topic", abstract: "Topics: channels with members, a history and read marks.",
        discussion: """
            `send '#NAME' TEXT` posts to a topic; its members get it, live or when they come back.

            Examples:
              mesh-cli topic create deploys --about 'what goes out'
              mesh-cli send '#deploys' 'api 1.4 is out, @pia please look'
              mesh-cli topic history deploys --read
            """,
        subcommands: [
            Create.self, List.self, Join.self, Leave.self, Members.self, History.self, Read.self, Mentions.self,
        ])

    /// `mesh-cli topic create NAME`
    struct Create: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a topic and lead it; one that exists is joined.",
            discussion: "Example: mesh-cli topic create deploys --about 'what goes out'")

        @Argument(help: "Its name; nested names with `/`.")
        var name: String

        @Option(help: "What it is about.")
        var about: String?

        @Option(help: "Who may enter: public, or private and dm for those whom a lead lets in.")
        var visibility: TopicVisibility = .everyone

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let made = try await call(
                CreateTopic(name: TopicNoun.bare(name), description: about, visibility: visibility))
            try out.answer(made) {
                Table.printable(
                    made.created ? "Created #\(made.topic.name)." : "Joined #\(made.topic.name), which exists.")
            }
        }
    }

    /// `mesh-cli topic list`
    struct List: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List topics, with what you have not read.", discussion: "Example: mesh-cli topic list")

        @OptionGroup var watching: WatchOptions
        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            try await watching.run(out) {
                let list = try await callAll(ListTopics())
                try out.answer(list, isAsked: true) {
                    let rows = list.topics.map { topic in
                        [
                            "#" + topic.name, topic.visibility.rawValue, topic.role?.rawValue ?? "-",
                            String(topic.memberCount), topic.unread.map(TopicNoun.count) ?? "",
                            topic.mentions.map { $0 > 0 ? String($0) : "" } ?? "", topic.description ?? "",
                        ]
                    }
                    return out.table(
                        Table("TOPIC", "VISIBILITY", "YOU", "MEMBERS", "UNREAD", "MENTIONS", "ABOUT", rows: rows),
                        empty: "No topics. Make one: mesh-cli topic create NAME")
                }
            }
        }
    }

    /// `mesh-cli topic join NAME`
    struct Join: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Join a topic; as its lead, let others in.",
            discussion: """
                Examples:
                  mesh-cli topic join deploys
                  mesh-cli topic join plans --member pia --role observer
                """)

        @Argument(help: "The topic.", completion: LiveNames.topics)
        var name: String

        @Option(help: "What to be in it: lead, member or observer.")
        var role: TopicRole?

        @Option(help: "Another member, by name or key; only a lead or an admin lets others in.")
        var member: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let joined = try await call(JoinTopic(topic: TopicNoun.bare(name), role: role, member: member))
            try out.answer(joined) {
                Table.printable("\(joined.member) is \(joined.role.rawValue) of #\(joined.topic).")
            }
        }
    }

    /// `mesh-cli topic leave NAME`
    struct Leave: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave a topic; as its lead, take others out.",
            discussion: "Example: mesh-cli topic leave deploys")

        @Argument(help: "The topic.", completion: LiveNames.topics)
        var name: String

        @Option(help: "Another member, by name or key.")
        var member: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let left = try await call(LeaveTopic(topic: TopicNoun.bare(name), member: member))
            try out.answer(left) { Table.printable("\(left.member) left #\(left.topic).") }
        }
    }

    /// `mesh-cli topic members NAME`
    struct Members: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "List who belongs to a topic.", discussion: "Example: mesh-cli topic members deploys")

        @Argument(help: "The topic.", completion: LiveNames.topics)
        var name: String

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await callAll(ListTopicMembers(topic: TopicNoun.bare(name)))
            try out.answer(list, isAsked: true) {
                let now = SystemCalls.now()
                let rows = list.members.map {
                    [
                        $0.displayName, $0.role.rawValue, Times.local(iso8601: $0.joinedAt, now: now),
                        $0.lastReadAt.map { Times.local(iso8601: $0, now: now) } ?? "never",
                    ]
                }
                return out.table(Table("MEMBER", "ROLE", "JOINED", "READ", rows: rows), empty: "Nobody.")
            }
        }
    }

    /// `mesh-cli topic history NAME`
    struct History: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a topic's messages, oldest of the page first.",
            discussion: """
                Examples:
                  mesh-cli topic history deploys --limit 20
                  mesh-cli topic history deploys --since 2h --follow
                  mesh-cli topic history deploys --before 4t8zq0m1c5xkd --read
                """)

        @Argument(help: "The topic.", completion: LiveNames.topics)
        var name: String

        @Option(help: "At most this many, 1 to 200; 50 when absent.")
        var limit: Int?

        @Option(help: ArgumentHelp("Only messages before this one.", valueName: "id"))
        var before: String?

        @Flag(help: "Mark the topic as read up to the newest one printed.")
        var read = false

        @OptionGroup var following: TopicFollow
        @OptionGroup var options: GlobalOptions

        func validate() throws {
            if following.follow, before != nil { throw ValidationError("--before does not go with --follow") }
        }

        func execute(_ out: Printer) async throws {
            let topic = TopicNoun.bare(name)
            try await withAPI { api in
                let page = following.cut(
                    try await api.call(TopicHistory(topic: topic, limit: limit, beforeId: before)))
                if following.follow {
                    following.print(page.messages, out)
                } else if out.isJSON {
                    out.put(
                        Printer.line([
                            "topic": .string(page.topic),
                            "messages": .array(page.messages.map { .object($0.lineJSON) }),
                            "more": .bool(page.more),
                        ]))
                } else if page.messages.isEmpty {
                    out.say("No messages.")
                } else {
                    if page.more, let oldest = page.messages.last {
                        let (name, id) = (ShellWord.quoted(topic), ShellWord.quoted(oldest.id))
                        out.say("Older ones: mesh-cli topic history \(name) --before \(id)")
                    }
                    following.print(page.messages, out)
                }
                let mark: (String) async throws -> Void = { newest in
                    if read { _ = try await api.call(MarkTopicRead(topic: topic, upToId: newest)) }
                }
                if let newest = page.messages.first { try await mark(newest.id) }
                try await following.run(topic, after: page.messages.first?.id, api, out, seen: mark)
            }
        }
    }

    /// `mesh-cli topic read NAME`
    struct Read: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Mark a topic as read.", discussion: "Example: mesh-cli topic read deploys")

        @Argument(help: "The topic.", completion: LiveNames.topics)
        var name: String

        @Option(help: ArgumentHelp("The last message that was read; the newest one when absent.", valueName: "id"))
        var upTo: String?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let mark = try await call(MarkTopicRead(topic: TopicNoun.bare(name), upToId: upTo))
            try out.answer(mark) { Table.printable("#\(mark.topic): \(TopicNoun.count(mark.unread)) unread.") }
        }
    }

    /// `mesh-cli topic mentions`
    struct Mentions: MeshCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print messages in topics that mention you, newest first.",
            discussion: "Example: mesh-cli topic mentions --unread")

        @Flag(help: "Only those beyond your read marks.")
        var unread = false

        @Option(help: "At most this many, 1 to 200; 50 when absent.")
        var limit: Int?

        @OptionGroup var options: GlobalOptions

        func execute(_ out: Printer) async throws {
            let list = try await call(ListMentions(limit: limit, unread: unread))
            let messages = JSON.array(list.messages.map { .object($0.lineJSON) })
            out.result(["messages": messages], isAsked: true) {
                let now = SystemCalls.now()
                return list.messages.isEmpty
                    ? "Nobody mentioned you."
                    : list.messages.map { TopicNoun.block($0, now: now, colour: out.colour) }.joined()
            }
        }
    }

    /// The name without the `#` that targets have.
    static func bare(_ name: String) -> String { name.dropping(mark: "#") }

    private static func count(_ unread: Int) -> String { unread >= 1_000 ? "999+" : String(unread) }

    /// A message for people: a line of facts, then the text; both cannot steer the terminal.
    static func block(_ message: TopicMessage, now: Int64, colour: Colour) -> String {
        let text = Table.printable(message.text ?? "(not text)", keepingLines: true)
        var facts = [Times.local(iso8601: message.createdAt, now: now), "#" + message.topic]
        if let replyTo = message.replyToId { facts.append("answers " + replyTo.prefix(13)) }
        return colour(Table.printable(message.senderName), .cyan) + "  "
            + colour(Table.printable("(\(facts.joined(separator: ", ")))  \(message.id)"), .dim) + "\n"
            + text.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)\n" }.joined()
    }

    /// Names after `@` in a text: whom a message to a topic mentions.
    static func mentions(in text: String) -> [String] {
        var names: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            guard let at = word.firstIndex(of: "@"), at == word.startIndex || !word[..<at].contains(where: \.isLetter)
            else { continue }
            let name = word[word.index(after: at)...].prefix { $0.isLetter || $0.isNumber || "_-.".contains($0) }
            let bare = String(name.reversed().drop { ".-".contains($0) }.reversed())
            if !bare.isEmpty, !names.contains(bare), names.count < 16 { names.append(bare) }
        }
        return names
    }
}
