import MeshCore

/// Whom a list of targets means, as far as that can be told without a broker: what a broker resolves it to is compared with it
/// before anything is sealed.
struct Addressees: Sendable {
    private let targets: [Target]
    /// Whether members and sessions alone are addressed. Such a message is sealed; what goes to a group, a topic or
    /// everyone is plain, by its kind and not by a broker's word.
    let areDirect: Bool

    init(_ spec: TargetSpec) {
        // What cannot be read as a target is a name that nobody has.
        targets = spec.targets.map { (try? Target($0)) ?? .name($0) }
        areDirect = targets.allSatisfy { target in
            switch target {
            case .key, .name: true
            case .group, .topic, .all: false
            }
        }
    }

    /// Whether one of the targets means a recipient: by its key, by the member's name, by the session's label, or by both. A
    /// key means nobody else, whatever they are called; so does the name of a member whose key was compared.
    func include(_ recipient: Resolved.Recipient, verified: [String: PublicKey]) -> Bool {
        targets.contains { target in
            switch target {
            case .key(let key): recipient.session == key || (recipient.member == key && recipient.isSignedFor)
            case .name(let name): Self.means(name, recipient, verified)
            case .group, .topic, .all: true
            }
        }
    }

    private static func means(
        _ name: String, _ recipient: Resolved.Recipient, _ verified: [String: PublicKey]
    ) -> Bool {
        // What reads like the beginning of a key is no name and no label.
        if Labels.beginsKey(name) {
            return recipient.session?.hex.begins(with: name) == true
                || (recipient.member.hex.begins(with: name) && recipient.isSignedFor)
        }
        // Which of a member's sessions has a label is a broker's word; that it is the member's is what counts.
        let member = String(Substring(name.utf8.prefix { $0 != UInt8(ascii: "/") }))
        if let key = verified[Names.normalised(member)] {
            guard recipient.member == key, recipient.isSignedFor else { return false }
        }
        if Names.isSame(recipient.name, member) { return true }
        return recipient.label.map { Names.isSame($0, name) } ?? false
    }
}

extension Resolved.Recipient {
    /// Whether only the member's own key opens what is sealed for it, or one for which the member has signed. The signature
    /// itself is checked where it is sealed.
    var isSignedFor: Bool { session == nil || session == member || binding != nil }
}
