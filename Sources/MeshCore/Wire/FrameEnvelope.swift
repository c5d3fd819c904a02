/// The request's identifiers, found in a frame that cannot be accepted: JSON in form, but with a number, a name or a
/// depth that the mesh rejects. They are only searched for once the frame was refused, so that the refusal reaches the
/// caller.
package struct FrameEnvelope: Sendable, Hashable {
    /// The frame's `type`.
    package var type: String?
    /// The frame's `_reqId`.
    package var requestID: String?
    /// A send's own `id`.
    package var id: String?

    /// Makes one.
    package init(type: String? = nil, requestID: String? = nil, id: String? = nil) {
        self.type = type
        self.requestID = requestID
        self.id = id
    }

    /// Scans a frame; nil when it is not a JSON object even in form. Of a duplicate name the first counts.
    package static func find(in bytes: UnsafeRawBufferPointer) -> FrameEnvelope? {
        var walk = Walk(bytes: bytes)
        return walk.object()
    }

    /// Skips values without parsing them: strings by their quotes, arrays and objects by their brackets.
    private struct Walk {
        let bytes: UnsafeRawBufferPointer
        var offset = 0

        mutating func object() -> FrameEnvelope? {
            var found = FrameEnvelope()
            skipSpace()
            guard take(UInt8(ascii: "{")) else { return nil }
            skipSpace()
            if take(UInt8(ascii: "}")) { return isAtEnd() ? found : nil }
            while true {
                skipSpace()
                guard let name = string() else { return nil }
                skipSpace()
                guard take(UInt8(ascii: ":")) else { return nil }
                skipSpace()
                let start = offset
                guard skipValue() else { return nil }
                if bytes[start] == UInt8(ascii: "\"") { found.keep(name, text(start..<offset)) }
                skipSpace()
                if take(UInt8(ascii: ",")) { continue }
                return take(UInt8(ascii: "}")) && isAtEnd() ? found : nil
            }
        }

        private mutating func isAtEnd() -> Bool {
            skipSpace()
            return offset == bytes.count
        }

        private mutating func skipSpace() {
            while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
        }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard offset < bytes.count, bytes[offset] == byte else { return false }
            offset += 1
            return true
        }

        /// The string that begins here; nil when there is none.
        private mutating func string() -> String? {
            let start = offset
            guard skipString() else { return nil }
            return text(start..<offset) ?? ""
        }

        /// The text of a whole string with its quotes; nil when it is invalid.
        private func text(_ range: Range<Int>) -> String? {
            (try? JSON.parse(UnsafeRawBufferPointer(rebasing: bytes[range]), limits: .frame))?.stringValue
        }

        private mutating func skipString() -> Bool {
            guard take(UInt8(ascii: "\"")) else { return false }
            while offset < bytes.count {
                switch bytes[offset] {
                case UInt8(ascii: "\""):
                    offset += 1
                    return true
                case UInt8(ascii: "\\"): offset += 2
                default: offset += 1
                }
            }
            return false
        }

        /// Skips one value of any depth: brackets are kept in a list, one byte for each.
        private mutating func skipValue() -> Bool {
            var closing: [UInt8] = []
            repeat {
                skipSpace()
                guard offset < bytes.count else { return false }
                switch bytes[offset] {
                case UInt8(ascii: "\""): if !skipString() { return false }
                case UInt8(ascii: "{"):
                    closing.append(UInt8(ascii: "}"))
                    offset += 1
                case UInt8(ascii: "["):
                    closing.append(UInt8(ascii: "]"))
                    offset += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    guard closing.popLast() == bytes[offset] else { return false }
                    offset += 1
                case UInt8(ascii: ","), UInt8(ascii: ":"):
                    guard !closing.isEmpty else { return false }
                    offset += 1
                default: if !skipWord() { return false }
                }
            } while !closing.isEmpty
            return true
        }

        /// A number or a literal: letters, digits and signs.
        private mutating func skipWord() -> Bool {
            let start = offset
            while offset < bytes.count {
                switch bytes[offset] {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    offset += 1
                default: return offset > start
                }
            }
            return offset > start
        }
    }

    private mutating func keep(_ name: String, _ value: String?) {
        switch name {
        case "type": type = type ?? value
        case "_reqId": requestID = requestID ?? value
        case "id": id = id ?? value
        default: break
        }
    }
}
