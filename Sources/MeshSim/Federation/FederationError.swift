/// An error in a declaration, a call or a value of a federation.
public struct FederationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of an error; more may come.
    public struct Code: Sendable, Hashable, RawRepresentable {
        /// Its name.
        public let rawValue: String
        /// Makes a kind.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A name, key, tick, time or parameter is outside what is valid.
        public static let invalid = Code(rawValue: "invalid")
        /// The name is not declared, or does not take part now.
        public static let unknown = Code(rawValue: "unknown")
        /// It exists already.
        public static let exists = Code(rawValue: "exists")
        /// Domains read each other within one tick and no loop was declared.
        public static let cycle = Code(rawValue: "cycle")
        /// A call came in a state in which it is not valid: a tick that was not granted, an offer that is no more.
        public static let outOfOrder = Code(rawValue: "outOfOrder")
        /// A domain wrote or gave away what another owns.
        public static let notOwner = Code(rawValue: "notOwner")
        /// Two statements about the same thing differ.
        public static let conflict = Code(rawValue: "conflict")
        /// A limit is reached.
        public static let limit = Code(rawValue: "limit")
    }

    /// The kind.
    public var code: Code
    /// What is wrong, what is valid, and what to do, as text.
    public var description: String

    /// Makes an error.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// Limits and checks that all parts of a federation share.
public enum FederationLimits {
    /// Domains of a federation.
    public static let domains = 1_024
    /// Bytes of a domain's name.
    public static let nameBytes = 64
    /// Bytes of a state key, prefix included.
    public static let keyBytes = 256
    /// Bytes of a stamped value or a manifest as JSON.
    public static let valueBytes = 65_536
    /// The last tick: later ones are refused, so that sums of a tick and a lookahead never overflow.
    public static let lastTick: Int64 = 1 << 60

    /// Fails unless a domain's name is 1 to 64 letters, digits, `-`, `_` or `.` of ASCII: it becomes a part of keys.
    static func checkName(_ name: String) throws(FederationError) {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        guard isPlain, (1...nameBytes).contains(name.utf8.count) else {
            throw FederationError(
                .invalid,
                "\"\(name.prefix(80))\" is no name of a domain: use 1 to \(nameBytes) letters, digits, -, _ or .")
        }
    }

    /// Fails unless a tick is from 0 to the last one.
    static func checkTick(_ tick: Int64) throws(FederationError) {
        guard (0...lastTick).contains(tick) else {
            throw FederationError(.invalid, "\(tick) is no tick: ticks are 0 to \(lastTick)")
        }
    }
}

extension Array {
    /// Returns the index of a name in an array sorted by bytes; nil when absent.
    func place(of name: String, by key: (Element) -> String) -> Int? {
        let place = lowerBound(of: name, by: key)
        return place < count && key(self[place]) == name ? place : nil
    }

    /// Returns the first index whose name does not precede the given one.
    func lowerBound(of name: String, by key: (Element) -> String) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if key(self[middle]).precedesInBytes(name) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
