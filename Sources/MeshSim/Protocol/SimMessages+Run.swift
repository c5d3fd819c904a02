public import MeshCore

/// `sim_command`, person or orchestrator to controller: an order about the run, or an action in phase 0.
public struct SimCommand: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_command"
    /// The sender's count of its commands, from 1; a retransmission keeps its sequence.
    public var sequence: Int64
    /// The command's name.
    public var command: String
    /// Its arguments; nil: none.
    public var arguments: JSON?

    /// Makes a message.
    public init(sequence: Int64, command: String, arguments: JSON? = nil) {
        self.sequence = sequence
        self.command = command
        self.arguments = arguments
    }
}

/// `sim_end`, controller to all: the run is over.
public struct SimEnd: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_end"
    /// The run's name.
    public var sim: String
    /// The last tick.
    public var tick: Int64
    /// The head of the run's chain, in hexadecimal.
    public var chain: String
    /// The reason, as text.
    public var reason: String
    /// True when it could not go on; the reason says why.
    public var failed: Bool?

    /// Makes a message.
    public init(sim: String, tick: Int64, chain: String, reason: String) {
        self.sim = sim
        self.tick = tick
        self.chain = chain
        self.reason = reason
    }
}

/// `sim_error`, controller to peer: a message could not be processed.
public struct SimFault: SimMessageBody {
    /// The value of `type`.
    public static let type = "sim_error"
    /// The code of the error. There may be new ones.
    public var code: String
    /// What is wrong.
    public var message: String
    /// What is valid, or how to fix it.
    public var hint: String?

    /// Makes a message.
    public init(code: String, message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
