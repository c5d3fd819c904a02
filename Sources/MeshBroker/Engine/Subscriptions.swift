package import MeshCore

/// Watches by connection. Held by the writer, so that a snapshot and the changes after it have one order.
package struct Subscriptions: Sendable {
    /// One watch of one connection.
    package struct Interest: Sendable, Hashable {
        package var connection: ConnectionID
        /// The connection's name for the watch.
        package var name: String
        /// Only keys that begin with this.
        package var prefix: String

        /// Whether a key can begin with both prefixes. A watch of everything next to many narrow ones does not count as
        /// overlap.
        func overlaps(_ other: String) -> Bool {
            if prefix.isEmpty || other.isEmpty { return prefix.isEmpty }
            return other.utf8.starts(with: prefix.utf8) || prefix.utf8.starts(with: other.utf8)
        }
    }

    /// A connection that watches, and its session.
    private struct Watcher {
        var session: SessionNumber
        var member: MemberNumber
        var channels: Set<String> = []
        var count = 0
    }

    private var byChannel: [String: [Interest]] = [:]
    private var watchers: [ConnectionID: Watcher] = [:]
    private var byMember: [MemberNumber: Int] = [:]

    /// How many watches one connection may have.
    package static let maximumPerConnection = 256
    /// How many all connections of one member may have: a write is sent to each connection that watches its keys.
    package static let maximumPerMember = 2_048
    /// How many of one channel may match one key. They are scanned at each write, so they are few; what
    /// is watched by id, one channel for all messages, may be watched up to the limit of the connection.
    package static let maximumPerChannel = 32

    /// The watches of a channel whose prefix a key has, in the order of subscription.
    package func interests(in channel: String, key: String) -> [Interest] {
        (byChannel[channel] ?? []).filter { key.utf8.starts(with: $0.prefix.utf8) }
    }

    /// The watches of a channel.
    package func interests(in channel: String) -> [Interest] { byChannel[channel] ?? [] }

    /// Whether anything is watched.
    var isEmpty: Bool { byChannel.isEmpty }

    /// Whether any channel of a family, `family:…`, is watched at all.
    func hasInterests(inFamily family: String) -> Bool {
        !byChannel.isEmpty && byChannel.keys.contains { $0.begins(with: family) }
    }

    /// Adds a watch of a session's connection, replacing the one of the same name. Fails with `capacity`.
    mutating func add(_ interest: Interest, to channel: String, by owner: Session) throws(MeshError) {
        remove(name: interest.name, of: interest.connection, from: channel)
        var watcher = watchers[interest.connection] ?? Watcher(session: owner.number, member: owner.member)
        guard watcher.count < Self.maximumPerConnection else {
            throw MeshError(
                .capacity, "a connection has at most \(Self.maximumPerConnection) watches", hint: "end some")
        }
        guard byMember[watcher.member, default: 0] < Self.maximumPerMember else {
            throw MeshError(
                .capacity, "the connections of a member have at most \(Self.maximumPerMember) watches together",
                hint: "end some, or watch more keys with fewer watches")
        }
        let same = (byChannel[channel] ?? []).count {
            $0.connection == interest.connection && $0.overlaps(interest.prefix)
        }
        guard same < Self.maximumPerChannel else {
            throw MeshError(
                .capacity, "a connection watches the same keys at most \(Self.maximumPerChannel) times",
                hint: "end some, or watch fewer keys with each")
        }
        byChannel[channel, default: []].append(interest)
        watcher.channels.insert(channel)
        watcher.count += 1
        watchers[interest.connection] = watcher
        byMember[watcher.member, default: 0] += 1
    }

    /// Ends a watch; false when there was none.
    @discardableResult
    mutating func remove(name: String, of connection: ConnectionID, from channel: String) -> Bool {
        guard let watcher = watchers[connection], watcher.channels.contains(channel) else { return false }
        let before = byChannel[channel]?.count ?? 0
        byChannel[channel]?.removeAll { $0.connection == connection && $0.name.isSame(as: name) }
        let removed = before - (byChannel[channel]?.count ?? 0)
        watchers[connection]?.count -= removed
        release(removed, of: watcher.member)
        return removed > 0
    }

    /// Connections of a session that watch anything, in the order of their ids.
    func connections(of session: SessionNumber) -> [ConnectionID] {
        watchers.filter { $0.value.session == session }.keys.sorted { $0.rawValue < $1.rawValue }
    }

    /// Removes the watches of a connection.
    package mutating func remove(_ connection: ConnectionID) {
        guard let watcher = watchers.removeValue(forKey: connection) else { return }
        release(watcher.count, of: watcher.member)
        for channel in watcher.channels {
            byChannel[channel]?.removeAll { $0.connection == connection }
            if byChannel[channel]?.isEmpty == true { byChannel[channel] = nil }
        }
    }

    private mutating func release(_ count: Int, of member: MemberNumber) {
        let rest = byMember[member, default: 0] - count
        byMember[member] = rest > 0 ? rest : nil
    }
}
