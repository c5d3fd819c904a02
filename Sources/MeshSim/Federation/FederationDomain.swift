public import MeshCore

/// A dependency: a domain reads another.
public struct DomainInput: Codable, Sendable, Hashable {
    /// The domain that is read.
    public var domain: String
    /// The delay in ticks: at tick n it reads the values of tick n - lookahead. 0 is a phase of the same tick,
    /// and only valid without cycles or within a declared loop.
    public var lookahead: Int64
    /// The key of the member whose values are the domain's; nil: the first that writes them in a run.
    public var author: PublicKey?

    /// Makes an input. With the default, what is written in tick n is visible to others in tick n + 1.
    public init(_ domain: String, lookahead: Int64 = 1, author: PublicKey? = nil) {
        self.domain = domain
        self.lookahead = lookahead
        self.author = author
    }
}

/// What happens to a domain's keys when it resigns or is lost.
public enum LeavePolicy: Codable, Sendable, Hashable {
    /// They keep their last values, and become read-only.
    case freeze
    /// Another domain owns them from now on; readers of the domain read that one.
    case handOver(to: String)
    /// They are removed.
    case delete
}

/// The declaration of a domain: what it reads, and what happens when it leaves.
public struct FederationDomain: Codable, Sendable, Hashable {
    /// Its name.
    public var name: String
    /// What it reads.
    public var inputs: [DomainInput]
    /// What happens when it leaves.
    public var leavePolicy: LeavePolicy
    /// Whether it takes part from the beginning; otherwise it joins at a tick.
    public var isFounder: Bool

    /// Makes a domain.
    public init(
        _ name: String, inputs: [DomainInput] = [], leavePolicy: LeavePolicy = .freeze, isFounder: Bool = true
    ) {
        self.name = name
        self.inputs = inputs
        self.leavePolicy = leavePolicy
        self.isFounder = isFounder
    }
}

/// Domains that read each other within one tick and repeat it until nothing changes.
public struct DomainLoop: Codable, Sendable, Hashable {
    /// What happens when the last allowed iteration still changed something.
    public enum Exhaustion: String, Codable, Sendable, Hashable, CaseIterable {
        /// The values of the last iteration count.
        case accept
        /// The tick fails: no domain of the loop can seal it.
        case fail
    }
    /// Who takes part.
    public var domains: [String]
    /// The maximum number of iterations in a tick.
    public var maximumIterations: Int
    /// What happens after the last one.
    public var exhaustion: Exhaustion

    /// Makes a loop.
    public init(_ domains: [String], maximumIterations: Int, exhaustion: Exhaustion = .fail) {
        self.domains = domains
        self.maximumIterations = maximumIterations
        self.exhaustion = exhaustion
    }
}

/// The departure of a domain: an event of the federation's log.
public struct Departure: Codable, Sendable, Hashable {
    /// Who.
    public var domain: String
    /// Whether it resigned; otherwise it was given up.
    public var isResignation: Bool
    /// What happened to its keys.
    public var policy: LeavePolicy
    /// The last tick that it sealed.
    public var lastTick: Int64
    /// The first tick in which the policy counts. Between the last tick and this one its values are frozen: a domain that
    /// takes over may be ahead, and does not change what it has sealed.
    public var effective: Int64

    /// Makes a departure.
    public init(domain: String, isResignation: Bool, policy: LeavePolicy, lastTick: Int64, effective: Int64) {
        self.domain = domain
        self.isResignation = isResignation
        self.policy = policy
        self.lastTick = lastTick
        self.effective = effective
    }
}
