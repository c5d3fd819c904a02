/// The format of a string. Two formats of one name are the same.
public struct TextFormat: Sendable, Hashable {
    /// Its name, for example `public-key`.
    public let name: String
    /// What is valid, as text, for example "64 lower-case hex characters".
    public let words: String
    /// A regular expression (ECMA-262) that every valid string matches; nil when none fits well.
    public let pattern: String?
    private let check: (@Sendable (String) throws(MeshError) -> Void)?

    /// Makes a format. `check` throws when a string is invalid; it can be omitted where the Swift type of the
    /// field refuses such strings itself.
    public init(
        _ name: String, _ words: String, pattern: String? = nil,
        check: (@Sendable (String) throws(MeshError) -> Void)? = nil
    ) {
        self.name = name
        self.words = words
        self.pattern = pattern
        self.check = check
    }

    /// Fails when a string is not of this format; `field` is the name in the error.
    public func check(_ text: String, field: String) throws(MeshError) {
        guard let check else { return }
        do throws(MeshError) { try check(text) } catch {
            var error = error
            // The rules of names name themselves; the error names the field that holds one.
            let own = (error.details["field"]?.stringValue).map { "\($0): " } ?? ""
            error.message = "\(field): \(error.message.dropPrefix(own))"
            error.details["field"] = .string(field)
            throw error
        }
    }

    public static func == (left: TextFormat, right: TextFormat) -> Bool { left.name.isSame(as: right.name) }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension TextFormat {
    /// An ed25519 public key in hex.
    public static let publicKey = TextFormat("public-key", "64 lower-case hex characters", pattern: "^[0-9a-f]{64}$")
    /// An ed25519 signature in hex.
    public static let signature = TextFormat("signature", "128 lower-case hex characters", pattern: "^[0-9a-f]{128}$")
    /// A name of a member.
    public static let memberName = TextFormat(
        "member-name", "1 to 64 characters, NFC, unique in the mesh, without `@ # * , / |`"
    ) { text throws(MeshError) in try Labels.checkMember(Names.normalised(text)) }
    /// A name of a group; `/` separates nested names.
    public static let groupName = TextFormat("group-name", pathWords) { text throws(MeshError) in
        try Names.checkGroup(Names.normalised(text))
    }
    /// A name of a topic; `/` separates nested names.
    public static let topicName = TextFormat("topic-name", pathWords) { text throws(MeshError) in
        try Names.checkTopic(Names.normalised(text))
    }
    /// A text without control characters.
    public static let printable = TextFormat("printable", "no control characters") { text throws(MeshError) in
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw MeshError(.invalidArgument, "must not have control characters")
        }
    }
    /// A nonce of NaCl: 24 bytes.
    public static let nonce = TextFormat("nonce", "24 bytes in padded base64, or empty") { text throws(MeshError) in
        guard text.isEmpty || Base64.decodedCount(text) == 24 else {
            throw MeshError(.invalidArgument, "24 bytes in padded base64, or empty")
        }
    }

    private static let pathWords =
        "1 to 64 letters with marks, digits, `_`, `-`, `.`, and `/` between nested names, NFC"
}

extension String {
    /// The text without a prefix, when it has it.
    fileprivate func dropPrefix(_ prefix: String) -> Substring {
        utf8.starts(with: prefix.utf8) ? Substring(utf8.dropFirst(prefix.utf8.count)) : self[...]
    }
}
