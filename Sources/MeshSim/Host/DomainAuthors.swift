public import MeshCore

/// The authors of domains. Every member may write any name of the state, so names do not identify authors. The author
/// of a domain is the named member, else the first writer in this run; no other is trusted from then on.
public struct DomainAuthors: Sendable {
    private var keys: [String: PublicKey]

    /// The authors that are known from the beginning.
    public init(_ known: [String: PublicKey] = [:]) { keys = known }

    /// The authors that a domain's inputs name.
    public init(_ inputs: [DomainInput]) {
        keys = [:]
        for input in inputs { keys[input.domain] = input.author }
    }

    /// The key of a domain's author; nil when it has written nothing yet and was not named.
    public func author(of domain: String) -> PublicKey? { keys[domain] }

    /// Whether a value of a domain is trusted; the first one makes its writer the author. One without a known writer
    /// never is.
    public mutating func accepts(_ key: PublicKey?, of domain: String) -> Bool {
        guard let key else { return false }
        if let known = keys[domain] { return known == key }
        keys[domain] = key
        return true
    }
}
