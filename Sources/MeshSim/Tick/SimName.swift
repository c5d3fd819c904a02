/// The names of seats and actions. They determine orders, so only names that compare the same everywhere are valid.
enum SimName {
    /// Printable ASCII without space: two such names are equal only when their bytes are.
    static let maximumBytes = 64

    /// Reports whether a text is a valid name.
    static func isValid(_ text: String) -> Bool {
        let bytes = text.utf8
        return !bytes.isEmpty && bytes.count <= maximumBytes && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Fails when the name is invalid; the error describes valid names.
    static func check(_ text: String, what: String) throws(SimError) {
        guard isValid(text) else {
            throw SimError(
                "the \(what) must be 1 to \(maximumBytes) printable ASCII characters without spaces, like `customer-3`")
        }
    }
}

extension String {
    /// Its prefix, for reasons and errors.
    func shortened(to count: Int = 32) -> String { String(unicodeScalars.prefix(count)) }
}

/// A named element of an array sorted by name.
protocol Named {
    var name: String { get }
}

extension Array where Element: Named {
    /// Returns the index of a name, or its insertion index.
    func place(of name: String) -> (index: Int, isFound: Bool) {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle].name.precedesInBytes(name) { low = middle + 1 } else { high = middle }
        }
        return (low, low < count && self[low].name.utf8.elementsEqual(name.utf8))
    }

    /// Returns the index of a name; nil when absent.
    func index(of name: String) -> Int? {
        let place = place(of: name)
        return place.isFound ? place.index : nil
    }
}
