import MeshCore
import MeshSDK

extension Printer {
    /// Prints what happened in the mesh or to the connection.
    func event(_ event: MeshEvent) {
        switch event {
        case .connected: self.event("connected", [:], "connected")
        case .disconnected(let reason):
            self.event("disconnected", ["reason": .string(reason)], "disconnected: \(reason); connecting again")
        case .peerJoined(let data): self.event("peer_joined", data, "\(Self.name(data)) joined")
        case .peerReturned(let data): self.event("peer_returned", data, "\(Self.name(data)) is back")
        case .peerLeft(let data): self.event("peer_left", data, "\(Self.name(data)) left")
        case .receipt(let receipt):
            let recipient = receipt.recipient
            let data: JSONObject = ["messageId": .string(receipt.messageId), "receipts": [recipient.json]]
            self.event("receipt", data, "\(receipt.messageId): \(recipient.name) \(recipient.state.rawValue)")
        case .other(let name, let data): self.event(name, data, "\(name) \(JSON.object(data).text)")
        }
    }

    private static func name(_ data: JSONObject) -> String {
        let names = ["memberName", "displayName", "name"].lazy.compactMap { data[$0]?.stringValue }
        return (names.first ?? "a peer") + (data["label"]?.stringValue.map { "/" + $0 } ?? "")
    }

    /// Prints a snapshot or the changes of the shared state.
    func update(_ update: StateUpdate) throws {
        switch update {
        case .snapshot(let entries, let revision):
            guard isJSON else { return say(table(StateNoun.table(entries), empty: "No keys yet."), isAsked: true) }
            put(
                Self.line([
                    "type": "snapshot", "revision": .integer(revision), "entries": try JSONCoder.encode(entries),
                ]))
        case .changes(let changes, let revision, let author):
            for change in changes { print(change, revision, author) }
        }
    }

    private func print(_ change: StateChanges.Change, _ revision: Int64, _ author: StateUpdate.Author) {
        guard isJSON else {
            let what = change.deleted ? "deleted" : "= \(StateNoun.text(change.value))  (version \(change.version))"
            return say("\(Table.printable(change.key)) \(what) by \(Table.printable(author.name))", isAsked: true)
        }
        put(
            Self.line([
                "type": "change", "key": .string(change.key), "value": change.value,
                "version": .integer(change.version), "deleted": .bool(change.deleted),
                "revision": .integer(revision), "updatedBy": .string(author.name),
                "updatedByKey": author.key.map { .string($0.hex) } ?? .null,
            ]))
    }
}
