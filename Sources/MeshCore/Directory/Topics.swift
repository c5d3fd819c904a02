/// A topic's number inside one mesh; it never leaves the broker.
public struct TopicNumber: RawRepresentable, Hashable, Comparable, Sendable {
    /// 1, 2, 3, … in the order of creation.
    public var rawValue: Int64
    /// Makes a number.
    public init(rawValue: Int64) { self.rawValue = rawValue }
    public static func < (left: TopicNumber, right: TopicNumber) -> Bool { left.rawValue < right.rawValue }
}

/// What a member may do in a topic.
public enum TopicRole: String, Sendable, Hashable, CaseIterable, Codable {
    /// Post, and decide who belongs to it.
    case lead
    /// Post.
    case member
    /// Read.
    case observer
}

/// The access rules of a topic.
public enum TopicVisibility: String, Sendable, Hashable, CaseIterable, Codable {
    /// Every member of the mesh sees it, reads it, joins it and posts.
    case everyone = "public"
    /// Only its members see it; a lead lets others in.
    case invited = "private"
    /// Like private: a conversation of a few.
    case direct = "dm"
}

/// A named channel with members and a history.
public struct Topic: Sendable, Hashable {
    /// One member of a topic.
    public struct Seat: Sendable, Hashable {
        /// Its role.
        public var role: TopicRole
        /// Unix milliseconds.
        public var joinedAt: Int64
        /// Makes a seat.
        public init(role: TopicRole, joinedAt: Int64) {
            self.role = role
            self.joinedAt = joinedAt
        }
    }

    /// Its number inside the mesh.
    public let number: TopicNumber
    /// Its public id.
    public let id: String
    /// Its name, unique in the mesh, normalised.
    public let name: String
    /// Its description.
    public var about: String?
    /// Its access rule.
    public var visibility: TopicVisibility
    /// Unix milliseconds.
    public let createdAt: Int64
    /// Its members.
    public internal(set) var seats: [MemberNumber: Seat] = [:]

    /// Makes a topic without members.
    public init(
        number: TopicNumber, id: String, name: String, about: String?, visibility: TopicVisibility, createdAt: Int64
    ) {
        self.number = number
        self.id = id
        self.name = Names.normalised(name)
        self.about = about
        self.visibility = visibility
        self.createdAt = createdAt
    }

    /// Its members, in the order of joining the mesh.
    public var members: [MemberNumber] { seats.keys.sorted() }

    /// Whether a member of the mesh may see and read it.
    public func isVisible(to member: MemberNumber) -> Bool { visibility == .everyone || seats[member] != nil }

    /// Whether a member of the mesh may post to it.
    public func isOpen(to member: MemberNumber) -> Bool {
        seats[member].map { $0.role != .observer } ?? (visibility == .everyone)
    }
}

/// Every topic of a mesh.
public struct TopicDirectory: Sendable {
    private var topics: [TopicNumber: Topic] = [:]
    private var byName: [String: TopicNumber] = [:]
    private var byID: [String: TopicNumber] = [:]
    /// Every topic by name, with its name prepared for nearest-name searches.
    private var sorted: [(known: Nearest.Known, number: TopicNumber)] = []

    /// No topics.
    public init() {}

    /// Number of topics.
    public var count: Int { topics.count }
    /// All of them, by name.
    public var all: [Topic] { sorted.compactMap { topics[$0.number] } }
    /// Those after a name, by name; all when it is nil.
    public func all(after name: String?) -> some Sequence<Topic> {
        let start = name.map { name in place { $0 <= name } } ?? 0
        return sorted[start...].lazy.compactMap { topics[$0.number] }
    }

    /// The first index whose name does not satisfy a condition that holds for a prefix of the names.
    private func place(_ isBefore: (String) -> Bool) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(sorted[middle].known.name) { low = middle + 1 } else { high = middle }
        }
        return low
    }
    /// The topic of a number.
    public subscript(number: TopicNumber) -> Topic? { topics[number] }

    /// The topic of a name, normalised; ids are no names.
    public func named(_ name: String) -> Topic? { byName[name].flatMap { topics[$0] } }

    /// The topic that a reference means: an id, or a name, with or without `#`.
    public func find(_ reference: String) -> Topic? {
        let name = Names.normalised(reference.dropping(mark: "#"))
        return (byID[name] ?? byName[name]).flatMap { topics[$0] }
    }

    /// The topic, if the member of the mesh may see it. Fails with `not_found`, suggesting the nearest, as if hidden
    /// topics did not exist.
    public func find(_ reference: String, for member: MemberNumber?, code: ErrorCode) throws(MeshError) -> Topic {
        if let topic = find(reference), member.map({ topic.isVisible(to: $0) }) ?? true { return topic }
        let name = Names.normalised(reference.dropping(mark: "#"))
        let known = sorted.lazy.filter { entry in
            member.map { topics[entry.number]?.isVisible(to: $0) ?? false } ?? true
        }.map { $0.known }
        let near = Nearest.names(to: name, among: Array(known), limit: 3)
        throw MeshError(
            code, "there is no topic #\(name.prefix(64))",
            hint: near.isEmpty
                ? "create it first: mesh-cli topic create \(ShellWord.quoted(String(name.prefix(64))))"
                : "did you mean \(near.map { "#" + $0 }.joined(separator: " or "))?",
            details: ["nearest": .array(near.map { .string("#" + $0) })])
    }

    /// Adds a topic; its number, id and name must be new.
    public mutating func insert(_ topic: Topic) {
        topics[topic.number] = topic
        let place = place { $0 < topic.name }
        sorted.insert((Nearest.Known(topic.name), topic.number), at: place)
        byName[topic.name] = topic.number
        byID[topic.id] = topic.number
    }

    /// Gives a member a seat, or changes it; nil removes it.
    public mutating func seat(_ member: MemberNumber, in topic: TopicNumber, _ seat: Topic.Seat?) {
        topics[topic]?.seats[member] = seat
    }

    /// Removes a member's seats in all topics.
    public mutating func unseat(_ member: MemberNumber) {
        for number in topics.keys where topics[number]?.seats[member] != nil { topics[number]?.seats[member] = nil }
    }
}
