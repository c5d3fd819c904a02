import MeshCore
import MeshSDK

// A message has one form in every command that prints one: the same names for the same things, the text as text, times in
// ISO 8601. What a command does not know of a message is null. Docs/CommandLine.md lists the members.

extension Message {
    /// The message as a line of `listen`, and as an element of `inbox`.
    var lineJSON: JSONObject {
        [
            "type": "message", "messageId": .string(id),
            "clientMessageId": .string(ifPresent: clientMessageID),
            "from": .string(from.name), "fromLabel": .string(ifPresent: from.label),
            "fromMemberKey": .string(ifPresent: from.memberKey?.hex),
            "fromSessionKey": .string(ifPresent: from.sessionKey?.hex),
            "target": .string(target), "kind": .string(kind), "topic": .string(ifPresent: topic),
            "text": .string(text), "encrypted": .bool(isEncrypted), "priority": .string(priority.rawValue),
            "mentions": .array(mentions.map { .string($0) }), "replyTo": .string(ifPresent: replyTo),
            "sentAt": .time(sentAt), "attempt": .integer(Int64(attempt)),
        ]
    }
}

extension TopicMessage {
    /// The message as an element of a topic's history.
    var lineJSON: JSONObject {
        [
            "type": "message", "messageId": .string(id), "clientMessageId": .null,
            "from": .string(senderName), "fromLabel": .null,
            "fromMemberKey": .string(ifPresent: senderMemberPubkey?.hex), "fromSessionKey": .string(senderPubkey),
            "target": .string("#" + topic), "kind": "topic", "topic": .string(topic),
            "text": .string(ifPresent: text), "encrypted": false, "priority": .null,
            "mentions": .array((mentions ?? []).map { .string($0) }), "replyTo": .string(ifPresent: replyToId),
            "sentAt": .string(createdAt), "attempt": .null,
        ]
    }
}

extension Outgoing {
    /// The message as its sender knows it.
    func lineJSON(id: String) -> JSONObject {
        [
            "type": "message", "messageId": .string(id), "clientMessageId": .string(clientMessageID),
            "target": .string(target.text), "text": .string(text), "priority": .string(priority.rawValue),
            "mentions": .array(mentions.map { .string($0) }), "replyTo": .string(ifPresent: replyTo),
        ]
    }
}

extension MessageStatus {
    /// What became of a message.
    var lineJSON: JSONObject {
        [
            "type": "message", "messageId": .string(messageId), "target": .string(targetSpec),
            "sentAt": .time(acceptedAt), "expiresAt": .time(expiresAt), "status": .string(status),
            "delivered": .bool(delivered), "deliveredAt": .string(ifPresent: deliveredAt),
            "recipients": .integer(Int64(recipients.count)), "receipts": .array(recipients.map(\.json)),
        ]
    }
}

extension DeadLetters.Letter {
    /// A message that did not reach somebody.
    var lineJSON: JSONObject {
        [
            "type": "message", "messageId": .string(messageId), "target": .string(targetSpec),
            "status": .string(recipient.state.rawValue), "receipts": [recipient.json],
        ]
    }
}

extension RecipientReceipt {
    /// What happened to a message for one recipient.
    var json: JSON {
        [
            "name": .string(name), "label": .string(ifPresent: label), "pubkey": .string(pubkey.hex),
            "state": .string(state.rawValue), "reason": .string(ifPresent: reason),
            "attempts": .integer(Int64(attempts)), "updatedAt": .time(updatedAt),
        ]
    }
}

extension JSON {
    /// A text, or null.
    static func string(ifPresent text: String?) -> JSON { text.map { .string($0) } ?? .null }

    /// Unix milliseconds in ISO 8601; null for a time that is not known.
    static func time(_ milliseconds: Int64) -> JSON {
        milliseconds == 0 ? .null : .string(Timestamp.iso8601(milliseconds))
    }
}
