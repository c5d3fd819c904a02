/// Writes a frame without building a tree: for performance-critical frames. Members appear in the order of the calls.
package struct FlatWriter {
    private var bytes: [UInt8] = []
    /// Whether an object was opened that has no member yet.
    private var isEmpty = false

    /// Begins a frame of a type.
    package init(type: StaticString, capacity: Int) {
        bytes.reserveCapacity(capacity)
        put("{\"type\":\"")
        put(type)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds a text.
    package mutating func add(_ name: StaticString, _ text: String) {
        key(name)
        JSONWriter.write(text, to: &bytes)
    }

    /// Adds a text if present.
    package mutating func add(_ name: StaticString, ifPresent text: String?) { if let text { add(name, text) } }

    /// Adds a number.
    package mutating func add(_ name: StaticString, _ number: Int) {
        key(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    /// Adds a number if present.
    package mutating func add(_ name: StaticString, ifPresent number: Int?) { if let number { add(name, number) } }

    /// Adds a boolean.
    package mutating func add(_ name: StaticString, _ value: Bool) {
        key(name)
        put(value ? "true" : "false")
    }

    /// Adds a key in hex if present.
    package mutating func add(_ name: StaticString, ifPresent publicKey: PublicKey?) {
        guard let publicKey else { return }
        key(name)
        bytes.append(UInt8(ascii: "\""))
        publicKey.appendHex(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds texts if there are any.
    package mutating func add(_ name: StaticString, ifPresent texts: [String]?) {
        guard let texts else { return }
        key(name)
        bytes.append(UInt8(ascii: "["))
        for (place, text) in texts.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONWriter.write(text, to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Adds a number if present.
    package mutating func add(_ name: StaticString, ifPresent number: Int64?) {
        add(name, ifPresent: number.map { Int($0) })
    }

    /// Adds a boolean if present.
    package mutating func add(_ name: StaticString, ifPresent value: Bool?) { if let value { add(name, value) } }

    /// Adds sealed copies if there are any.
    package mutating func add(_ name: StaticString, ifPresent copies: [SealedCopy]?) {
        guard let copies else { return }
        key(name)
        bytes.append(UInt8(ascii: "["))
        for (place, copy) in copies.enumerated() {
            bytes.append(contentsOf: (place > 0 ? ",{\"nonce\":" : "{\"nonce\":").utf8)
            JSONWriter.write(copy.nonce, to: &bytes)
            add("session", ifPresent: copy.session)
            add("member", ifPresent: copy.member)
            add("ciphertext", copy.ciphertext)
            add("bodyVersion", ifPresent: copy.bodyVersion)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Adds a list of objects; `write` adds the members of one.
    package mutating func add<Rows: Sequence>(
        _ name: StaticString, rows: Rows, _ write: (inout FlatWriter, Rows.Element) -> Void
    ) {
        key(name)
        bytes.append(UInt8(ascii: "["))
        var isFirst = true
        for row in rows {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            bytes.append(UInt8(ascii: "{"))
            isEmpty = true
            write(&self, row)
            isEmpty = false
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Adds numbers.
    package mutating func add(_ name: StaticString, numbers: [Int]) {
        key(name)
        bytes.append(UInt8(ascii: "["))
        for (place, number) in numbers.enumerated() {
            if place > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: String(number).utf8)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Adds a text, or null.
    package mutating func add(_ name: StaticString, orNull text: String?) {
        guard let text else {
            key(name)
            return put("null")
        }
        add(name, text)
    }

    /// Adds one target as a text, several as a list.
    package mutating func add(_ name: StaticString, _ spec: TargetSpec) {
        if spec.targets.count == 1 { add(name, spec.targets[0]) } else { add(name, ifPresent: spec.targets) }
    }

    /// Ends the frame.
    package mutating func finish(requestID: String?) -> [UInt8] {
        add("_reqId", ifPresent: requestID)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private mutating func key(_ name: StaticString) {
        put(isEmpty ? "\"" : ",\"")
        isEmpty = false
        put(name)
        put("\":")
    }

    private mutating func put(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
