/// How large an observation may be.
///
/// The seat's own entity and the first thing in the queue always go in, however large, so that nothing can wait for
/// ever; beyond the budget an observation is larger by no more than these two.
public struct ObservationBudget: Sendable {
    /// The most; nil when there is no limit.
    let limit: Int?
    /// What a piece of JSON costs.
    let cost: @Sendable ([UInt8]) -> Int

    private init(limit: Int?, cost: @escaping @Sendable ([UInt8]) -> Int) {
        // No sum of costs can overflow below this.
        self.limit = limit.map { max(0, min($0, 1 << 40)) }
        self.cost = { max(0, min(cost($0), 1 << 40)) }
    }

    /// No limit.
    public static let none = ObservationBudget(limit: nil) { $0.count }

    /// So many bytes of JSON.
    public static func bytes(_ limit: Int) -> ObservationBudget { ObservationBudget(limit: limit) { $0.count } }

    /// So many tokens of a language model. Every model cuts texts in its own way: without a function of its own they
    /// are estimated as a quarter of the bytes, rounded up for each entity and event. A function gets the JSON of a
    /// piece.
    public static func tokens(
        _ limit: Int, counting: @escaping @Sendable ([UInt8]) -> Int = estimatedTokens
    ) -> ObservationBudget {
        ObservationBudget(limit: limit, cost: counting)
    }

    /// A quarter of the bytes, rounded up: an estimate.
    public static let estimatedTokens: @Sendable ([UInt8]) -> Int = { ($0.count + 3) / 4 }
}
