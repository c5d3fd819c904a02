public import MeshCore

/// How values of several domains under one name become one.
public struct MergeFunction: Sendable {
    /// Its name, for people.
    public let name: String
    /// Makes one value of two. Values come in the order of the names of their domains.
    public let combine: @Sendable (JSON, JSON) throws(FederationError) -> JSON

    /// A function of one's own. It is declared commutative and associative by being given here; `MergeCheck` tries it.
    public init(_ name: String, combine: @escaping @Sendable (JSON, JSON) throws(FederationError) -> JSON) {
        self.name = name
        self.combine = combine
    }

    /// One domain alone has the name; two are a conflict.
    public static let disjoint = MergeFunction("disjoint") { _, _ throws(FederationError) in
        throw FederationError(.conflict, "two domains have the value, and it is declared disjoint")
    }

    /// The sum. That of whole numbers is whole; that of others depends on the order, which is that of the names.
    public static let sum = MergeFunction("sum") { one, other throws(FederationError) in
        if case .integer(let left) = one, case .integer(let right) = other {
            let (sum, isOver) = left.addingReportingOverflow(right)
            guard !isOver else { throw FederationError(.limit, "a sum of whole numbers exceeds 64 bits") }
            return .integer(sum)
        }
        let sum = try number(one) + number(other)
        guard sum.isFinite else { throw FederationError(.limit, "a sum exceeds what a number can hold") }
        return .double(sum)
    }

    /// The least number.
    public static let minimum = MergeFunction("min") { one, other throws(FederationError) in
        try isLess(other, one) ? other : one
    }

    /// The greatest number.
    public static let maximum = MergeFunction("max") { one, other throws(FederationError) in
        try isLess(one, other) ? other : one
    }

    private static func number(_ value: JSON) throws(FederationError) -> Double {
        guard let number = value.doubleValue, number.isFinite else {
            throw FederationError(.invalid, "\(value.typeName) is no number; sum, min and max take numbers")
        }
        return number
    }

    /// Whole numbers exactly; a whole number before an equal one that is written with a fraction, so that ties have a winner.
    private static func isLess(_ one: JSON, _ other: JSON) throws(FederationError) -> Bool {
        if case .integer(let left) = one, case .integer(let right) = other { return left < right }
        let (left, right) = (try number(one), try number(other))
        if left != right { return left < right }
        return one.integerValue != nil && other.integerValue == nil
    }
}

/// Tries whether a merge function is what it is declared to be.
public enum MergeCheck {
    /// Two ways to merge the same values that give different results.
    public struct Counterexample: Sendable, Hashable, CustomStringConvertible {
        /// The values.
        public var values: [JSON]
        /// What they gave in their order, from the first on.
        public var expected: JSON
        /// What they gave otherwise.
        public var found: JSON

        /// As text for people.
        public var description: String {
            "\(values.map(\.text).joined(separator: ", ")) gave \(expected.text), and in another order \(found.text)"
        }
    }

    /// Merges samples in many orders and groupings: every pair both ways, then random choices. Gives the first difference;
    /// nil when there is none. Fails when the function does.
    public static func check(
        _ function: MergeFunction, samples: [JSON], trials: Int = 500, seed: UInt64 = 1
    ) throws(FederationError) -> Counterexample? {
        for (place, one) in samples.prefix(64).enumerated() {
            for other in samples.prefix(place) {
                let (expected, found) = (try function.combine(one, other), try function.combine(other, one))
                if !isSame(expected, found) {
                    return Counterexample(values: [one, other], expected: expected, found: found)
                }
            }
        }
        guard !samples.isEmpty else { return nil }
        var stream = RandomStream(seed: seed, domain: "merge", purpose: "check")
        for _ in 0..<max(0, trials) {
            let values = (0..<(2 + stream.below(5))).map { _ in samples[stream.below(samples.count)] }
            var expected = values[0]
            for value in values.dropFirst() { expected = try function.combine(expected, value) }
            var rest = values
            stream.shuffle(&rest)
            while rest.count > 1 {
                let place = stream.below(rest.count - 1)
                rest[place] = try function.combine(rest[place], rest[place + 1])
                rest.remove(at: place + 1)
            }
            if !isSame(expected, rest[0]) {
                return Counterexample(values: values, expected: expected, found: rest[0])
            }
        }
        return nil
    }

    private static func isSame(_ one: JSON, _ other: JSON) -> Bool { one.canonicalBytes() == other.canonicalBytes() }
}
