/// Writes the members of a flat object in their RFC 8785 form, for frequent entries. The names must
/// come in their canonical order.
package struct CanonicalObject {
    /// The object's bytes so far, without the closing brace.
    private var open: [UInt8] = []
    #if DEBUG
        private var last = ""
    #endif

    /// Begins an empty object.
    package init() { open.reserveCapacity(256) }

    /// Whether nothing was added.
    var isEmpty: Bool { open.isEmpty }

    /// Adds a text.
    package mutating func add(_ name: StaticString, _ text: String) {
        key(name)
        JSONWriter.write(text, to: &open)
    }

    /// Adds a hash in hex.
    package mutating func add(_ name: StaticString, _ hash: Digest) {
        key(name)
        open.append(UInt8(ascii: "\""))
        hash.appendHex(to: &open)
        open.append(UInt8(ascii: "\""))
    }

    /// Adds a number.
    package mutating func add(_ name: StaticString, _ number: Int) {
        key(name)
        open.append(contentsOf: String(number).utf8)
    }

    /// Adds a boolean.
    package mutating func add(_ name: StaticString, _ value: Bool) {
        key(name)
        open.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Writes the whole object.
    func write(to bytes: inout [UInt8]) {
        if open.isEmpty { bytes.append(UInt8(ascii: "{")) }
        bytes.append(contentsOf: open)
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func key(_ name: StaticString) {
        #if DEBUG
            assert(last < name.description, "\(name) comes before \(last)")
            last = name.description
        #endif
        open.append(open.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
        open.append(UInt8(ascii: "\""))
        open.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        open.append(contentsOf: "\":".utf8)
    }
}
