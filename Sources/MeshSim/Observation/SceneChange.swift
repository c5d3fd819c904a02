import MeshCore

/// The change of one entity from one scene to another.
struct SceneChange: Sendable {
    enum Kind: Sendable {
        /// Not there before; all its fields.
        case entered
        /// Some fields are other; these, and null for those that are gone.
        case changed
        /// Not there any more.
        case left
    }
    let id: EntityID
    let kind: Kind
    let fields: JSONObject

    /// What differs, by the bytes of the names; empty when the bytes of both are the same.
    static func between(_ before: [Scene.Seen], _ after: [Scene.Seen]) -> [SceneChange] {
        var changes: [SceneChange] = []
        mergeSorted(before, by: \.id.rawValue, after, by: \.id.rawValue) { old, new in
            switch (old, new) {
            case (nil, let new?): changes.append(SceneChange(id: new.id, kind: .entered, fields: new.fields))
            case (let old?, nil): changes.append(SceneChange(id: old.id, kind: .left, fields: [:]))
            case (let old?, let new?):
                let fields = fields(from: old.fields, to: new.fields)
                if fields.count > 0 { changes.append(SceneChange(id: new.id, kind: .changed, fields: fields)) }
            case (nil, nil): break
            }
        }
        return changes
    }

    private static func fields(from before: JSONObject, to after: JSONObject) -> JSONObject {
        if JSON.object(before).isIdentical(to: .object(after)) { return [:] }
        var changed: [(String, JSON)] = []
        mergeSorted(Array(before), by: \.key, Array(after), by: \.key) { old, new in
            if let new {
                if let old, old.value.isIdentical(to: new.value) { return }
                changed.append((new.key, new.value))
            } else if let old {
                changed.append((old.key, .null))
            }
        }
        return JSONObject(changed)
    }

    /// Entities, sorted, with some of the changes made that were found against them.
    static func apply(_ changes: [SceneChange], to entities: [Scene.Seen]) -> [Scene.Seen] {
        var result: [Scene.Seen] = []
        result.reserveCapacity(entities.count)
        mergeSorted(entities, by: \.id.rawValue, changes, by: \.id.rawValue) { old, change in
            guard let change else {
                if let old { result.append(old) }
                return
            }
            switch change.kind {
            case .left: break
            case .entered: result.append(Scene.Seen(change.id, change.fields))
            case .changed:
                var fields = old?.fields ?? [:]
                for (key, value) in change.fields { fields[key] = value }
                result.append(Scene.Seen(change.id, fields))
            }
        }
        return result
    }
}

extension JSON {
    /// Whether two values have the same bytes for certain: equal texts may be written with other code points, and equal
    /// objects in another order.
    func isIdentical(to other: JSON) -> Bool {
        switch (self, other) {
        case (.null, .null): true
        case (.bool(let one), .bool(let other)): one == other
        case (.integer(let one), .integer(let other)): one == other
        case (.double(let one), .double(let other)): one.bitPattern == other.bitPattern
        case (.string(let one), .string(let other)): one.utf8.elementsEqual(other.utf8)
        case (.array(let one), .array(let other)):
            one.count == other.count && zip(one, other).allSatisfy { $0.isIdentical(to: $1) }
        case (.object(let one), .object(let other)):
            one.count == other.count
                && zip(one, other).allSatisfy {
                    $0.key.utf8.elementsEqual($1.key.utf8) && $0.value.isIdentical(to: $1.value)
                }
        default: false
        }
    }
}
