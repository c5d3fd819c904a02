/// What the domains of a loop do next.
public enum IterationStep: Sendable, Hashable, Codable {
    /// Others have not finished this iteration.
    case waits(for: [String])
    /// All begin this iteration; they read each other's values of the iteration before.
    case iterate(Int)
    /// Nothing changed in this iteration: all seal.
    case settled(after: Int)
    /// The last allowed iteration still changed something; the loop's declaration says whether its values count.
    case exhausted(after: Int, isAccepted: Bool)
}

/// The iterations of a loop within its current tick. All domains finish an iteration before any begins the next, so the
/// result does not depend on who is faster.
struct IterationLoop: Sendable {
    let declaration: DomainLoop
    /// Who takes part now, by name, and after which tick: who joins at a tick makes the next one.
    private(set) var members: [DomainTick] = []
    /// The tick that is iterated.
    private(set) var tick: Int64 = 0
    /// The iteration, from 1.
    private(set) var iteration = 1
    private var reports: [String] = []
    private var isChanged = false
    /// How the tick ended; nil while it goes on.
    private(set) var end: IterationStep?
    /// How the tick before ended. A domain may still have to seal it when another, which does not read that one, goes on.
    private var before: (tick: Int64, end: IterationStep)?

    init(_ declaration: DomainLoop) { self.declaration = declaration }

    /// Adds a domain that has joined at a tick.
    mutating func add(_ member: String, at tick: Int64) {
        members.insert(DomainTick(member, at: tick), at: members.lowerBound(of: member, by: \.domain))
    }

    /// Removes a domain; the others no longer wait for it.
    mutating func remove(_ member: String) {
        members.removeAll { $0.domain == member }
        reports.removeAll { $0 == member }
        if end == nil, !reports.isEmpty { _ = decide() }
    }

    /// What a domain does next in a tick.
    func step(_ member: String, tick wanted: Int64) -> IterationStep {
        if let before, before.tick == wanted { return before.end }
        if wanted != tick { return .iterate(1) }
        if let end { return end }
        return reports.contains(member) ? .waits(for: missing) : .iterate(iteration)
    }

    private var missing: [String] {
        members.filter { $0.tick < tick && !reports.contains($0.domain) }.map(\.domain)
    }

    /// One domain finished an iteration. Fails when it is not the current one, or was reported.
    mutating func finished(
        _ member: String, tick wanted: Int64, iteration count: Int, isChanged hasChanged: Bool
    ) throws(FederationError) -> IterationStep {
        if wanted > tick {
            before = end.map { (tick, $0) }
            (tick, iteration, reports, isChanged, end) = (wanted, 1, [], false, nil)
        }
        guard wanted == tick, end == nil, count == iteration, !reports.contains(member) else {
            throw FederationError(
                .outOfOrder,
                "\(member) reports iteration \(count) of tick \(wanted); the loop is "
                    + (end == nil ? "in iteration \(iteration)" : "at the end") + " of tick \(tick)"
                    + (reports.contains(member) ? ", and has its report" : ""))
        }
        reports.append(member)
        if hasChanged { isChanged = true }
        return decide()
    }

    private mutating func decide() -> IterationStep {
        let missing = missing
        guard missing.isEmpty else { return .waits(for: missing) }
        if !isChanged {
            end = .settled(after: iteration)
        } else if iteration >= declaration.maximumIterations {
            end = .exhausted(after: iteration, isAccepted: declaration.exhaustion == .accept)
        }
        if let end { return end }
        (iteration, reports, isChanged) = (iteration + 1, [], false)
        return .iterate(iteration)
    }

    /// Whether the domains may seal a tick.
    func isOver(_ wanted: Int64) -> Bool {
        let known = before?.tick == wanted ? before?.end : wanted == tick ? end : nil
        return switch known {
        case .settled: true
        case .exhausted(_, let isAccepted): isAccepted
        default: false
        }
    }
}
