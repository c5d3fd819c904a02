/// The target of a message: exhaustive, so that a new kind must be handled everywhere.
public enum Target: Sendable, Hashable {
    /// A key in full, of a session or a member: 64 hex characters.
    case key(PublicKey)
    /// A member's name, a session's label, `name/label`, or a key prefix.
    case name(String)
    /// A group, without the `@`.
    case group(String)
    /// A topic, without the `#`.
    case topic(String)
    /// Everyone.
    case all

    /// Parses a target as people write it. Fails with `invalid_argument` when it is empty or malformed.
    public init(_ text: String) throws(MeshError) {
        guard !text.isEmpty, text.utf8.count <= 256 else {
            throw .argument("targetSpec", "a target has 1 to 256 bytes")
        }
        let text = Names.normalised(text)
        if text == "*" || text == "@all" {
            self = .all
        } else if text.utf8.first == UInt8(ascii: "@") {
            let group = text.dropping(mark: "@")
            try Names.checkGroup(group)
            self = .group(group)
        } else if text.utf8.first == UInt8(ascii: "#") {
            let topic = text.dropping(mark: "#")
            try Names.checkTopic(topic)
            self = .topic(topic)
        } else if let key = PublicKey(hex: text) {
            self = .key(key)
        } else {
            self = .name(text)
        }
    }
}

/// The valid forms of names.
public enum Names {
    /// A member's name or a label: 1 to 64 characters without control characters and the marks of other targets.
    public static func checkName(_ name: String, field: String = "name") throws(MeshError) {
        try checkLength(name, field)
        if !name.unicodeScalars.allSatisfy(isAllowed) {
            throw .argument(field, "must not contain control characters or any of @ # * , / |")
        }
        let scalars = name.unicodeScalars
        if scalars.first?.properties.isWhitespace == true || scalars.last?.properties.isWhitespace == true {
            throw .argument(field, "must not begin or end with a space")
        }
        if Labels.likeness(name).isEmpty { throw .argument(field, "must have a character that is seen") }
        if PublicKey(hex: name) != nil { throw .argument(field, "must not look like a key") }
    }

    /// Whether a character is allowed in a name.
    static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        let category = scalar.properties.generalCategory
        return !marks.contains(scalar) && category != .control
            && category != .lineSeparator && category != .paragraphSeparator && category != .privateUse
            && !scalar.properties.isBidiControl && !isBlank(scalar)
    }

    /// The marks of other targets, and their lookalikes.
    private static let marks = Set("@#*,/|＠＃＊，／｜﹫﹟﹡﹐，∗⁎‚⁄∕╱⧸⟋〳∣❘￨".unicodeScalars)

    /// Invisible characters, and those that surround text that is not shown.
    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\u{2800}" || scalar == "\u{1D159}" || (0xFFF9...0xFFFB).contains(scalar.value)
    }

    /// A group's name: parts of letters, digits, `_`, `-`, `.`, with `/` between them.
    public static func checkGroup(_ name: String) throws(MeshError) {
        try checkPath(name)
        if name == "all" { throw .argument("name", "`all` means everyone and cannot be joined") }
    }

    /// A topic's name: like a group's.
    public static func checkTopic(_ name: String) throws(MeshError) { try checkPath(name) }

    private static func checkPath(_ name: String) throws(MeshError) {
        try checkLength(name, "name")
        for part in name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !part.isEmpty else {
                throw .argument("name", "has an empty part: nested names have one / between them, like eng/web")
            }
            if let wrong = NamePart.firstWrong(in: String(Substring(part)).unicodeScalars) {
                throw .argument(
                    "name",
                    "must consist of letters with their marks, digits, _ - . and / between nested names; "
                        + "\(NamePart.shown(wrong)) is none of these here")
            }
        }
    }

    /// A mesh's name: 1 to 63 of `a-z 0-9 -`, beginning and ending with a letter or digit.
    public static func checkSlug(_ slug: String) throws(MeshError) {
        let allowed = slug.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
        guard allowed, (1...63).contains(slug.utf8.count), slug.first != "-", slug.last != "-" else {
            throw .argument("slug", "must have 1 to 63 of a-z, 0-9 and -, and begin and end with a letter or digit")
        }
    }
}
