public import MeshCore

/// Topics: `send(Outgoing(to: "#name", text: …))` posts to one.
extension MeshCaller {
    /// Makes a topic and leads it; one that exists is joined.
    @discardableResult
    public func createTopic(
        _ name: String, about: String? = nil, visibility: TopicVisibility = .everyone
    ) async throws(MeshError) -> TopicCreated {
        try await call(CreateTopic(name: name, description: about, visibility: visibility))
    }

    /// Joins a topic: its messages reach this member from now on.
    @discardableResult
    public func joinTopic(_ topic: String, role: TopicRole? = nil) async throws(MeshError) -> TopicJoined {
        try await call(JoinTopic(topic: topic, role: role))
    }

    /// Leaves a topic.
    public func leaveTopic(_ topic: String) async throws(MeshError) { _ = try await call(LeaveTopic(topic: topic)) }

    /// The topics that this member may see, with what it has not read.
    public func topics() async throws(MeshError) -> [TopicList.Row] { try await callAll(ListTopics()).topics }

    /// Who belongs to a topic.
    public func topicMembers(_ topic: String) async throws(MeshError) -> [TopicMembers.Row] {
        try await callAll(ListTopicMembers(topic: topic)).members
    }

    /// A page of a topic's history, newest first; the next page begins before the last one's id.
    public func topicHistory(
        _ topic: String, limit: Int = 50, before: String? = nil
    ) async throws(MeshError) -> TopicHistoryPage {
        try await call(TopicHistory(topic: topic, limit: limit, beforeId: before))
    }

    /// Says that a topic was read, up to a message or whole. Returns how much is unread still.
    @discardableResult
    public func markTopicRead(_ topic: String, upTo id: String? = nil) async throws(MeshError) -> Int {
        try await call(MarkTopicRead(topic: topic, upToId: id)).unread
    }

    /// Messages in topics that mention this member, newest first.
    public func mentions(unreadOnly: Bool = false) async throws(MeshError) -> [TopicMessage] {
        try await call(ListMentions(unread: unreadOnly)).messages
    }
}

extension TopicMessage {
    /// What it says; nil when it is not text.
    public var text: String? { Base64.decode(ciphertext).flatMap { String(validating: $0, as: UTF8.self) } }
}
