/// What a session may be called besides its member's name. A label never replaces a name.
public enum Labels {
    /// Reserved names of the mesh itself: no member and no session may have them.
    public static let ofTheMesh: Set<String> = ["mesh", "meshd", "system", "broker", "claudemesh"]
    /// Names of roles: no session may have one, because a reader would take it for the member with that role.
    public static let ofOffices: Set<String> = ["owner", "admin", "administrator"]

    /// Whether a text reads like a name of the mesh itself.
    public static func isOfTheMesh(_ text: String) -> Bool { likeTheMesh.contains(likeness(text)) }
    private static let likeTheMesh = Set(ofTheMesh.map(likeness))
    private static let likeOffices = Set(ofOffices.map(likeness))

    /// Whether a text reads like a name that no session may carry.
    static func isReserved(_ likeness: String) -> Bool {
        likeTheMesh.contains(likeness) || likeOffices.contains(likeness)
    }

    /// Checks the name of a new member: a name that is neither the mesh's own nor the beginning of a key.
    public static func checkMember(_ name: String) throws(MeshError) {
        try Names.checkName(name)
        if isOfTheMesh(name) {
            throw .argument("name", "\(name) stands for the mesh itself; choose another name")
        }
        if beginsKey(name) { throw .argument("name", looksLikeKey) }
    }

    /// Checks a label: a name that is neither the mesh's own, nor a role's, nor the beginning of a key.
    public static func check(_ label: String) throws(MeshError) {
        try Names.checkName(label, field: "label")
        if isReserved(likeness(label)) {
            throw .argument("label", "\(label) stands for the mesh or for an office in it; choose another label")
        }
        if beginsKey(label) { throw .argument("label", looksLikeKey) }
    }

    private static let looksLikeKey = "must not look like the beginning of a key: 8 or more of 0-9 and a-f alone"

    /// Whether a text is a key prefix as in targets: 8 to 63 lower-case hex digits.
    public static func beginsKey(_ text: String) -> Bool {
        (8..<64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// The label made from a foreign client's display name: characters not valid in names are replaced by `_`, the rest
    /// is cut to 64 characters and 256 bytes. Nil when nothing is left, or what is left looks like a key.
    public static func clean(_ displayName: String) -> String? {
        var text = ""
        var bytes = 0
        for scalar in displayName.unicodeScalars.prefix(256) {
            if scalar.properties.isBidiControl || isInvisible(scalar) && scalar != zeroWidthJoiner { continue }
            let kept = Names.isAllowed(scalar) ? scalar : "_"
            bytes += UTF8.width(kept)
            if bytes > 256 { break }
            text.unicodeScalars.append(kept)
        }
        text = String(text.prefix(64))
        let bare = text.drop { $0.isWhitespace }
        guard let last = bare.lastIndex(where: { !$0.isWhitespace }) else { return nil }
        let label = String(bare[...last])
        do throws(MeshError) { try Names.checkName(label) } catch { return nil }
        return label
    }

    private static let zeroWidthJoiner: Unicode.Scalar = "\u{200D}"

    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x80 && scalar.properties.isDefaultIgnorableCodePoint && !scalar.properties.isVariationSelector
    }

    /// The common form of texts that a reader may confuse: without case, spaces and invisible characters, with
    /// lookalikes replaced by Latin letters, `i`, `l` and `1`, `o` and `0` as one, `rn` as `m`
    /// and `vv` as `w`.
    public static func likeness(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) {
            return String(decoding: joined(text.utf8.lazy.filter { $0 != 0x20 }.map(folded)), as: UTF8.self)
        }
        var like = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace || scalar.properties.isDefaultIgnorableCodePoint { continue }
            // Separate accents after a letter: those of words have one code point with it.
            if (0x300...0x36F).contains(scalar.value) { continue }
            // No word has a mark of another script on a Latin letter.
            if let last = like.last, last.isASCII, isMark(scalar) { continue }
            for low in Lookalikes.plain(scalar).properties.lowercaseMapping.unicodeScalars {
                let plain = Lookalikes.plain(low)
                like.append(plain.isASCII ? Unicode.Scalar(folded(UInt8(truncatingIfNeeded: plain.value))) : plain)
            }
        }
        return String(decoding: joined(String(like).utf8), as: UTF8.self)
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: true
        default: false
        }
    }

    /// Two letters that look like one: `rn` as `m`, `vv` as `w`.
    private static func joined(_ text: some Sequence<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in text {
            switch (result.last, byte) {
            case (UInt8(ascii: "r"), UInt8(ascii: "n")): result[result.count - 1] = UInt8(ascii: "m")
            case (UInt8(ascii: "v"), UInt8(ascii: "v")): result[result.count - 1] = UInt8(ascii: "w")
            default: result.append(byte)
            }
        }
        return result
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "i"), UInt8(ascii: "I"), UInt8(ascii: "1"), UInt8(ascii: "L"): UInt8(ascii: "l")
        case UInt8(ascii: "0"): UInt8(ascii: "o")
        case 65...90: byte + 32
        default: byte
        }
    }
}

/// The members with names, and the sessions with labels, that read alike.
struct NameIndex: Sendable {
    private var members: [String: Set<MemberNumber>] = [:]
    private var labels: [String: [MemberNumber: Int]] = [:]

    mutating func add(name: String, of member: MemberNumber) {
        members[Labels.likeness(name), default: []].insert(member)
    }

    mutating func remove(name: String, of member: MemberNumber) {
        let like = Labels.likeness(name)
        members[like]?.remove(member)
        if members[like]?.isEmpty == true { members[like] = nil }
    }

    mutating func add(label: String?, of member: MemberNumber) {
        guard let label else { return }
        labels[Labels.likeness(label), default: [:]][member, default: 0] += 1
    }

    mutating func remove(label: String?, of member: MemberNumber) {
        guard let label else { return }
        let like = Labels.likeness(label)
        labels[like]?[member, default: 0] -= 1
        if labels[like]?[member, default: 0] ?? 0 <= 0 { labels[like]?[member] = nil }
        if labels[like]?.isEmpty == true { labels[like] = nil }
    }

    /// Whether a name is, or reads like, another member's, even a removed one's.
    func isNameOfAnother(_ text: String, than member: MemberNumber) -> Bool {
        members[Labels.likeness(text)]?.contains { $0 != member } ?? false
    }

    /// Members whose name reads like a text.
    func named(like text: String) -> Set<MemberNumber> { members[Labels.likeness(text)] ?? [] }

    /// Whether a label alone could be taken for anything other than a session of its member.
    func isTaken(_ label: String, by member: MemberNumber) -> Bool {
        let like = Labels.likeness(label)
        return Labels.isReserved(like) || Labels.beginsKey(label)
            || members[like]?.contains { $0 != member } ?? false
            || labels[like]?.contains { $0.key != member } ?? false
    }
}

extension Roster {
    /// The one name that a session has for clients that know only one: its member's name, or a foreign client's own
    /// label if it cannot be taken for another; else `member/label`.
    public func shownName(of session: Session, _ member: Member) -> String {
        guard session.isForeign, let label = session.label else { return member.name }
        return names.isTaken(label, by: member.number) ? "\(member.name)/\(label)" : label
    }

    /// Whether a label could be taken for another member or for the mesh itself, so that it is no target on its own.
    public func isMisleading(_ label: String, of member: MemberNumber) -> Bool {
        Labels.isReserved(Labels.likeness(label)) || Labels.beginsKey(label)
            || names.isNameOfAnother(label, than: member)
    }

    /// The current member whose name reads like a text; nil when there is none.
    public func member(readingLike name: String) -> Member? {
        names.named(like: name).sorted().lazy.compactMap { members[$0] }.first { $0.revokedAt == nil }
    }
}
