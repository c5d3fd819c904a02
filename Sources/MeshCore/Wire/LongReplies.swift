// Answers with a row for each of a thousand sessions. They are written on the loop that serves all connections: without
// building a tree it takes a fraction of the time. `LongReplyTests` compares them with the general path.

extension GroupList {
    public func frame(requestID: String?) -> [UInt8] {
        let seats = groups.reduce(0) { $0 + $1.members.count }
        var writer = FlatWriter(type: "group_list", capacity: 128 + 64 * groups.count + 192 * seats)
        writer.add("groups", rows: groups) { writer, group in
            writer.add("name", group.name)
            writer.add("members", rows: group.members) { writer, seat in
                writer.add("name", seat.name)
                writer.add("label", ifPresent: seat.label)
                writer.add("pubkey", seat.pubkey)
                writer.add("role", ifPresent: seat.role)
            }
        }
        return writer.finish(requestID: requestID)
    }
}

extension Resolved {
    public func frame(requestID: String?) -> [UInt8] {
        var writer = FlatWriter(type: "resolve_result", capacity: 256 + 448 * recipients.count)
        writer.add("kind", kind)
        writer.add("sealed", sealed)
        writer.add("recipients", rows: recipients) { writer, recipient in
            writer.add("session", ifPresent: recipient.session)
            writer.add("member", ifPresent: recipient.member)
            writer.add("name", recipient.name)
            writer.add("label", ifPresent: recipient.label)
            writer.add("binding", ifPresent: recipient.binding?.hex)
            writer.add("bodyVersions", numbers: recipient.bodyVersions)
        }
        writer.add("recipientCount", ifPresent: recipientCount)
        return writer.finish(requestID: requestID)
    }
}

extension MessageStatus {
    public func frame(requestID: String?) -> [UInt8] {
        var writer = FlatWriter(type: "message_status_result", capacity: 512 + 288 * recipients.count)
        writer.add("messageId", messageId)
        writer.add("targetSpec", targetSpec)
        writer.add("status", status)
        writer.add("delivered", delivered)
        writer.add("deliveredAt", orNull: deliveredAt)
        writer.add("acceptedAt", ifPresent: acceptedAt)
        writer.add("expiresAt", ifPresent: expiresAt)
        writer.add("recipients", rows: recipients) { writer, row in
            writer.add("name", row.name)
            writer.add("pubkey", ifPresent: row.pubkey)
            writer.add("label", ifPresent: row.label)
            writer.add("status", row.status)
            writer.add("state", row.state.rawValue)
            writer.add("reason", ifPresent: row.reason)
            writer.add("attempts", row.attempts)
            writer.add("updatedAt", ifPresent: row.updatedAt)
        }
        writer.add("recipientCount", ifPresent: recipientCount)
        return writer.finish(requestID: requestID)
    }
}
