/// Finds the names that somebody may have meant.
public enum Nearest {
    /// The nearest names by edit distance, nearest first, each once; none that needs more than a third of its letters
    /// changed (two for short names).
    public static func names(to wanted: String, among known: [String], limit: Int) -> [String] {
        let letters = Array(wanted.lowercased().unicodeScalars.prefix(64))
        var seen: Set<String> = []
        var found: [(distance: Int, order: Int, name: String)] = []
        for (order, name) in known.enumerated() where seen.insert(name).inserted {
            let other = Array(name.lowercased().unicodeScalars.prefix(64))
            let allowed = max(2, max(letters.count, other.count) / 3)
            guard abs(letters.count - other.count) <= allowed else { continue }
            let distance = editDistance(letters, other)
            if distance <= allowed && distance < max(letters.count, other.count) {
                found.append((distance, order, name))
            }
        }
        return found.sorted { ($0.distance, $0.order) < ($1.distance, $1.order) }.prefix(limit).map(\.name)
    }

    /// Levenshtein's distance with neighbours swapped counted once (optimal string alignment).
    static func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var before = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row] + [Int](repeating: 0, count: right.count)
            for column in 1...right.count {
                let cost = left[row - 1] == right[column - 1] ? 0 : 1
                current[column] = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + cost)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    current[column] = min(current[column], before[column - 2] + 1)
                }
            }
            before = last
            last = current
        }
        return last[right.count]
    }
}
