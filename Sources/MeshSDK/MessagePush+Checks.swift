import MeshCore

/// What a push of a broker must be before anything is done with it.
extension MessagePush {
    /// The largest frame that is taken for a message: a sealed body and 256 targets need about half of it.
    static let maximumFrameBytes = 512 << 10

    /// Whether its id is one: it becomes the name of a file, and a word of other programs.
    var hasUsableID: Bool { Self.isID(messageId) }

    /// Whether a text can be a message's id.
    static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2D || $0 == 0x5F
            }
    }

    /// About how many bytes it takes while it waits.
    var waitingBytes: Int { ciphertext.utf8.count + targetSpec.utf8.count + 1_000 }
}
