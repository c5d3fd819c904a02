public import ArgumentParser
public import MeshCore

// The words of the wire are the words of the command line; help and errors list them.
extension Priority: ExpressibleByArgument {}
extension PeerStatus: ExpressibleByArgument {}
extension Role: ExpressibleByArgument {}
extension Permission: ExpressibleByArgument {}
extension PeerGrant: ExpressibleByArgument {}
extension TopicVisibility: ExpressibleByArgument {}
extension TopicRole: ExpressibleByArgument {}

/// What `--wait` can wait for.
enum WaitGoal: String, Sendable, Hashable, CaseIterable, ExpressibleByArgument {
    /// Every recipient has acknowledged it.
    case delivered
}
