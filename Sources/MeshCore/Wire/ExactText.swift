/// A text that equals another only when their bytes are the same. Swift's `String` also treats é and e with a combining
/// accent as equal, which JSON, SQLite and every other client distinguish: decisions compare by this.
package struct ExactText: Sendable, Hashable, Comparable {
    /// The text.
    package var text: String

    /// Wraps a text.
    package init(_ text: String) { self.text = text }

    package static func == (left: ExactText, right: ExactText) -> Bool { left.text.isSame(as: right.text) }

    package static func < (left: ExactText, right: ExactText) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether the bytes of both are the same.
    @inline(__always)
    package func isSame(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        // A loop over memory is as fast as `==`; comparing the views would take twice as long.
        let isSame = utf8.withContiguousStorageIfAvailable { one in
            other.utf8.withContiguousStorageIfAvailable { two in
                var place = 0
                while place < one.count, one[place] == two[place] { place += 1 }
                return place == one.count
            }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

extension StringProtocol {
    /// Whether the text begins with the bytes of another, even if they combine with the bytes after them.
    package func begins(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// The text after a prefix of one ASCII character, when it begins with it; also when a combining accent follows.
    package func dropping(mark: Unicode.Scalar) -> String {
        unicodeScalars.first == mark ? String(String.UnicodeScalarView(unicodeScalars.dropFirst())) : String(self)
    }
}
