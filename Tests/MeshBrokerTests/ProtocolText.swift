import MeshCore

@testable import MeshEngine

/// The generated parts of Docs/Protocol.md: every request, answer, push and field, with its bounds.
enum ProtocolText {
    private static var rows: [CapabilityTable.Row] {
        Capabilities.table.rows.values.sorted { $0.type.type < $1.type.type }
    }

    static var requests: String {
        rows.map { row in
            let declaration = row.declaration
            var text = "### `\(declaration.type)`\n\n\(declaration.help) Answer: `\(answer(row.type).type)`.\n\n"
            text += "- A \(row.type.kind.rawValue)"
            if declaration.hints.contains(.idempotent) { text += ", idempotent" }
            if declaration.hints.contains(.destructive) { text += ", destructive" }
            text += "; needs the right to \(declaration.permission.rawValue), about \(about(declaration.subject)).\n"
            text += "- HTTP: \(place(declaration.resource))\n"
            if !declaration.errors.isEmpty {
                text += "- Errors: \(declaration.errors.map { "`\($0.rawValue)`" }.joined(separator: ", "))"
                text += ", and those of every \(row.type.kind.rawValue).\n"
            }
            if let watch = row.type as? any WatchRequest.Type, !watch.updates.isEmpty {
                text += "- Updates: \(watch.updates.map { "`\($0.type)`" }.joined(separator: ", ")).\n"
            }
            return text + "\n" + table(row.object, "required")
        }.joined()
    }

    static var answers: String {
        var seen: [String: ObjectSchema] = [:]
        for row in rows {
            let answer = answer(row.type)
            seen[answer.type] = answer.object
        }
        return seen.sorted { $0.key < $1.key }.map { "### `\($0.key)`\n\n" + table($0.value) }.joined()
    }

    static var pushes: String {
        DeclaredPushes.all.map { "### `\($0.type)`: \(title($0))\n\n\($0.help)\n\n" + table($0.object) }.joined()
            + "### Events\n\nAn event is a `push` with the subtype `system`; `event` names it, `eventData` has its fields.\n\n"
            + SystemEvent.declared.map { "#### `\($0.name)`\n\n\($0.help)\n\n" + table($0.object) }.joined()
    }

    private static func title(_ push: any DeclaredPush.Type) -> String {
        push == SystemEvent.self ? "an event" : push == MessagePush.self ? "a message" : "an update"
    }

    private static func answer(_ type: any Request.Type) -> (type: String, object: ObjectSchema) {
        func read<Body: Request>(_ type: Body.Type) -> (String, ObjectSchema) { (Body.Answer.type, Body.Answer.object) }
        return read(type)
    }

    private static func about(_ subject: RightSubject) -> String {
        let kind = subject.kind.replacing("_", with: " ")
        return subject.field.map { "the \(kind) in `\($0)`" } ?? "the \(kind)"
    }

    private static func place(_ resource: HTTPResource) -> String {
        resource.reason.map { "none: \($0)." }
            ?? "`\(resource.method) /v1/meshes/{mesh}/\(resource.path)`, \(resource.status) on success."
    }

    private static func table(_ object: ObjectSchema, _ mark: String = "always") -> String {
        guard !object.members.isEmpty else { return "" }
        return "| field | type | |\n|---|---|---|\n" + rows(object, in: "", mark).joined() + "\n"
    }

    /// A row for each field; the fields of an object follow it, with its name in front.
    private static func rows(_ object: ObjectSchema, in place: String, _ mark: String) -> [String] {
        object.members.flatMap { member -> [String] in
            let name = place + member.name
            var text = member.help
            let valid = words(member.value)
            if !valid.isEmpty { text += " Valid: \(valid)." }
            if let value = member.defaultValue { text += " Default: `\(value.stringValue ?? value.text)`." }
            let type = typeName(member.value) + (member.value.isNullable ? " or null" : "")
            let row = "| `\(name)`\(member.isOptional ? "" : " (\(mark))") | \(type) | \(text) |\n"
            guard let inner = member.value.object else { return [row] }
            if case .array = member.value.kind { return [row] + rows(inner, in: name + "[].", mark) }
            return [row] + rows(inner, in: name + ".", mark)
        }
    }

    /// The type; an enumeration is no number of them.
    private static func typeName(_ value: ValueSchema) -> String {
        if case .choice = value.kind { return "one of \(value.name)" }
        return value.name
    }

    private static func words(_ value: ValueSchema) -> String {
        if case .array(let element) = value.kind, element.object == nil {
            let each = element.bounds.words
            let own = value.bounds.words
            return own.isEmpty && !each.isEmpty ? "each \(each)" : own
        }
        return value.bounds.words
    }
}
