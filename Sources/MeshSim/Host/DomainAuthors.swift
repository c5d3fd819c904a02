public import MeshCore

/// Whose values are a domain's. A name of the state says nothing about who wrote there: every member may. The author of a domain
/// is the member that was named, else the first that wrote there in this run, and nobody else is believed from then on.
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

    /// Whether a value of a domain is believed; the first that is makes its writer the author. One whose writer is not known
    /// never is.
    public mutating func accepts(_ key: PublicKey?, of domain: String) -> Bool {
        guard let key else { return false }
        if let known = keys[domain] { return known == key }
        keys[domain] = key
        return true
    }
}
