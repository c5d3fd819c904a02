/// The links of one network.
struct NetworkTable: Sendable {
    let shape: NetworkShape
    /// A link and its positions in the lists of its two ends.
    private struct Link: Sendable {
        var weight: Double
        var first: Int32
        var second: Int32
    }
    private var links: [UInt64: Link] = [:]
    /// By slot: the targets of its links; in an undirected network, all linked slots.
    private var out: [[Int32]] = []
    /// By slot: the sources of links to it; empty in an undirected network.
    private var into: [[Int32]] = []

    init(_ shape: NetworkShape) { self.shape = shape }

    var count: Int { links.count }

    /// An undirected link has one key, in both directions.
    private func key(_ from: Int, _ to: Int) -> UInt64 {
        let (from, to) = shape.isDirected || from < to ? (from, to) : (to, from)
        return UInt64(truncatingIfNeeded: from) << 32 | UInt64(truncatingIfNeeded: to)
    }

    func weight(_ from: Int, _ to: Int) -> Double? { links[key(from, to)]?.weight }
    func neighbours(of slot: Int) -> [Int32] { slot < out.count ? out[slot] : [] }
    func sources(of slot: Int) -> [Int32] {
        shape.isDirected ? (slot < into.count ? into[slot] : []) : neighbours(of: slot)
    }

    /// Links two slots, or changes the weight of their link.
    mutating func set(_ from: Int, _ to: Int, _ weight: Double) {
        let key = key(from, to)
        if links[key] != nil {
            links[key]?.weight = weight
            return
        }
        while out.count <= max(from, to) {
            out.append([])
            into.append([])
        }
        let (first, second) = (Int(key >> 32), Int(key & 0xFFFF_FFFF))
        let (here, there) = (Int32(truncatingIfNeeded: first), Int32(truncatingIfNeeded: second))
        let place = Int32(truncatingIfNeeded: out[first].count)
        out[first].append(there)
        if shape.isDirected {
            links[key] = Link(weight: weight, first: place, second: Int32(truncatingIfNeeded: into[second].count))
            into[second].append(here)
        } else {
            links[key] = Link(weight: weight, first: place, second: Int32(truncatingIfNeeded: out[second].count))
            out[second].append(here)
        }
    }

    /// Removes a link; false when there is none.
    mutating func remove(_ from: Int, _ to: Int) -> Bool {
        let key = key(from, to)
        guard let link = links.removeValue(forKey: key) else { return false }
        let (first, second) = (Int(key >> 32), Int(key & 0xFFFF_FFFF))
        detach(first, at: Int(link.first), isOut: true)
        detach(second, at: Int(link.second), isOut: !shape.isDirected)
        return true
    }

    /// Removes an entry from a list; the last one takes its place.
    private mutating func detach(_ owner: Int, at place: Int, isOut: Bool) {
        guard let last = isOut ? out[owner].popLast() : into[owner].popLast() else { return }
        guard place < (isOut ? out[owner].count : into[owner].count) else { return }
        let (moved, place32) = (Int(last), Int32(truncatingIfNeeded: place))
        if isOut {
            out[owner][place] = last
            let key = key(owner, moved)
            if Int(key >> 32) == owner { links[key]?.first = place32 } else { links[key]?.second = place32 }
        } else {
            into[owner][place] = last
            links[key(moved, owner)]?.second = place32
        }
    }

    /// Removes all links of a slot.
    mutating func removeAll(of slot: Int) {
        while slot < out.count, let other = out[slot].last { _ = remove(slot, Int(other)) }
        while slot < into.count, let other = into[slot].last { _ = remove(Int(other), slot) }
    }
}
