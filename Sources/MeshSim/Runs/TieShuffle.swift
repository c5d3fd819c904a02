import MeshCore

/// A model whose order of simultaneous items can be varied: events of one time, actions of one phase,
/// claims on one thing.
public protocol SimTieShuffling: SimModel {
    /// From now on takes items that are simultaneous in another order, which follows from this number and the tick alone;
    /// with 0 in the model's own. The number belongs to the state that is saved, and to no domain's hash.
    mutating func shuffleTies(_ permutation: UInt64)
}

/// Whether a model's end depends on the order of simultaneous items.
public struct OrderSensitivity: Codable, Sendable, Hashable, CustomStringConvertible {
    /// What a model may call itself.
    public enum Label: String, Codable, Sendable, Hashable, CaseIterable {
        /// No permutation changed anything.
        case insensitive
        /// Some changed an intermediate tick, none the end.
        case transient
        /// Some changed the end. That is allowed; readers of results must know.
        case sensitive
    }
    /// The model.
    public var model: String
    /// The seed, decimal.
    public var seed: String
    /// The last tick.
    public var ticks: Int64
    /// How many other orders were tried.
    public var permutations: Int
    /// How many of them ended in another state.
    public var changedEnds: Int
    /// How many of them differed at some tick.
    public var changedRuns: Int
    /// The earliest difference of all, and the domains that differ there; nil when there is none.
    public var first: Divergence?

    /// The label of the model, as far as these permutations show.
    public var label: Label { changedEnds > 0 ? .sensitive : changedRuns > 0 ? .transient : .insensitive }

    /// As text for people.
    public var description: String {
        let what =
            switch label {
            case .insensitive: "order-insensitive: none of \(permutations) orders changed a tick"
            case .transient:
                "transiently order-sensitive: \(changedRuns) of \(permutations) orders changed a tick, none the end"
            case .sensitive: "order-sensitive: \(changedEnds) of \(permutations) orders changed the end"
            }
        return "\(model), seed \(seed), \(ticks) ticks: \(what)" + (first.map { "; first at \($0)" } ?? "")
    }
}

/// Runs a model again and again with simultaneous items in other orders.
public enum TieShuffle {
    /// The maximum number of permutations.
    public static let limit = 10_000

    /// Compares runs of other orders with the model's own, tick by tick. Which orders follows from the seed, so that the
    /// report is repeatable. Fails when the model refuses the parameters or `permutations` is not 1 to 10,000.
    public static func run<Model: SimTieShuffling>(
        _ type: Model.Type, _ parameters: Model.Parameters, seed: UInt64, ticks: Int64, permutations: Int = 8,
        progress: (_ done: Int) -> Void = { _ in }
    ) throws -> OrderSensitivity {
        guard (1...limit).contains(permutations) else {
            throw SimError("\(permutations) permutations: 1 to \(limit) can be tried")
        }
        var report = OrderSensitivity(
            model: Model.name, seed: String(seed), ticks: max(0, ticks), permutations: permutations, changedEnds: 0,
            changedRuns: 0)
        let begin = try SimRunner<Model>(parameters, seed: seed).model
        let own = hashes(begin, 0, ticks)
        for place in 0..<permutations {
            var random = RandomStream(seed: seed, domain: "ties", purpose: "permutation", entity: UInt64(place))
            // JSON holds 63 bits; 0 is the model's own order.
            let other = hashes(begin, max(1, random.next() >> 1), ticks)
            if let difference = firstDifference(own, other, names: Model.domains) {
                report.changedRuns += 1
                if own.last != other.last { report.changedEnds += 1 }
                if report.first.map({ difference.tick < $0.tick }) ?? true { report.first = difference }
            }
            progress(place + 1)
        }
        return report
    }

    /// Puts items that are simultaneous into the order of a permutation: for `shuffleTies`.
    public static func order<Item>(_ items: inout [Item], permutation: UInt64, tick: Int64) {
        guard permutation != 0 else { return }
        var random = RandomStream(
            seed: permutation, domain: "ties", purpose: "order", tick: UInt64(bitPattern: tick))
        random.shuffle(&items)
    }

    private static func hashes<Model: SimTieShuffling>(
        _ begin: Model, _ permutation: UInt64, _ ticks: Int64
    ) -> [[Digest]] {
        var model = begin
        model.shuffleTies(permutation)
        var all = [model.domainHashes]
        for _ in stride(from: 0, to: ticks, by: 1) {
            model.step()
            all.append(model.domainHashes)
        }
        return all
    }

    private static func firstDifference(_ own: [[Digest]], _ other: [[Digest]], names: [String]) -> Divergence? {
        for (tick, pair) in zip(own, other).enumerated() where pair.0 != pair.1 {
            let changed = zip(names, zip(pair.0, pair.1)).filter { $0.1.0 != $0.1.1 }.map(\.0)
            return Divergence(tick: Int64(tick), domains: changed)
        }
        return nil
    }
}
