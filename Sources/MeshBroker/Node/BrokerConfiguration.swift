/// The settings of a broker.
public struct BrokerConfiguration: Sendable {
    /// The folder of meshes and keys; created if missing.
    public var dataFolder: String
    /// Event loops for connections; half of the cores when nil, at least one.
    public var ioThreads: Int?
    /// Unanswered requests of one connection before reading from it stops.
    public var unansweredRequests = 256
    /// Connections of one member, in all meshes together.
    public var connectionsPerMember = 5_000
    /// Seconds between two pings.
    public var pingSeconds: Int64 = 30
    /// Seconds of silence before a connection is cut.
    public var silenceSeconds: Int64 = 75
    /// Sends per second of a connection that does not come from this machine; nil sets no limit.
    public var remoteSendsPerSecond: Int? = 100
    /// Sends at once of such a connection.
    public var remoteSendBurst = 200
    /// A folder for a log of all commands, one file per mesh; nil records none.
    public var recordFolder: String?

    /// Makes a configuration with the defaults.
    public init(dataFolder: String) { self.dataFolder = dataFolder }
}
