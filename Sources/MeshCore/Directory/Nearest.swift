/// Finds likely intended names.
public enum Nearest {
    /// Edit distances computed per query at most; the likeliest names are compared.
    static let maximumCompared = 64
    /// Letters of a name that are compared.
    static let maximumLetters = 64

    /// A name, prepared for repeated comparison.
    public struct Known: Sendable {
        /// The name as written.
        public let name: String
        fileprivate let letters: [Unicode.Scalar]
        /// A bit for each letter that occurs: names that differ in many of these bits are far apart.
        fileprivate let mask: UInt64

        /// Prepares a name.
        public init(_ name: String) {
            self.name = name
            letters = Array(
                String(String.UnicodeScalarView(name.unicodeScalars.prefix(maximumLetters))).lowercased().unicodeScalars
                    .prefix(maximumLetters))
            mask = letters.reduce(0) { $0 | 1 << UInt64($1.value & 63) }
        }
    }

    /// The nearest names by edit distance, nearest first, each once; none that needs more than a third of its letters
    /// changed (two for short names). Of many candidates only the likeliest are compared.
    public static func names(to wanted: String, among known: [String], limit: Int) -> [String] {
        names(to: wanted, among: known.map { Known($0) }, limit: limit)
    }

    /// Does the same with names prepared before.
    public static func names(to wanted: String, among known: [Known], limit: Int) -> [String] {
        let wanted = Known(wanted)
        var candidates: [(bound: Int, prefix: Int, order: Int)] = []
        for (order, other) in known.enumerated() {
            let allowed = allowed(wanted, other)
            // A change of one letter changes at most two bits.
            let bound = max(
                abs(wanted.letters.count - other.letters.count), ((wanted.mask ^ other.mask).nonzeroBitCount + 1) / 2)
            if bound <= allowed { candidates.append((bound, 0, order)) }
        }
        if candidates.count > maximumCompared {
            for place in candidates.indices {
                candidates[place].prefix =
                    zip(wanted.letters, known[candidates[place].order].letters)
                    .prefix { $0 == $1 }.count
            }
            candidates.sort { ($0.bound, -$0.prefix, $0.order) < ($1.bound, -$1.prefix, $1.order) }
            candidates.removeLast(candidates.count - maximumCompared)
        }
        var found: [(distance: Int, order: Int)] = []
        for (_, _, order) in candidates {
            let other = known[order]
            let distance = editDistance(wanted.letters, other.letters)
            if distance <= allowed(wanted, other), distance < max(wanted.letters.count, other.letters.count) {
                found.append((distance, order))
            }
        }
        var seen: Set<String> = []
        var result: [String] = []
        for (_, order) in found.sorted(by: { ($0.distance, $0.order) < ($1.distance, $1.order) })
        where result.count < limit && seen.insert(known[order].name).inserted {
            result.append(known[order].name)
        }
        return result
    }

    private static func allowed(_ wanted: Known, _ other: Known) -> Int {
        max(2, max(wanted.letters.count, other.letters.count) / 3)
    }

    /// Levenshtein distance with adjacent swaps counted once (optimal string alignment).
    static func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var before = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        var current = before
        for row in 1...left.count {
            current[0] = row
            for column in 1...right.count {
                let cost = left[row - 1] == right[column - 1] ? 0 : 1
                current[column] = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + cost)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    current[column] = min(current[column], before[column - 2] + 1)
                }
            }
            (before, last, current) = (last, current, before)
        }
        return last[right.count]
    }
}
