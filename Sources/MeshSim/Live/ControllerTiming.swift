import MeshSim

/// What a tick has cost its controller, in nanoseconds of the clock: from the seal before to the end of this one's messages.
/// It is for measuring and enters no record.
public struct ControllerTiming: Sendable, Hashable {
    /// The last sealed tick.
    public var tick: Int64 = 0
    /// When its seal began, from when the controller was made.
    public var sealedAtNanos: Int64 = 0
    /// Reading and judging what came since the tick before, but for acknowledgements of observations.
    public var receivingNanos: Int64 = 0
    /// Messages that came, acknowledgements among them.
    public var messages = 0
    /// Reading and noting acknowledgements.
    public var acknowledgingNanos: Int64 = 0
    /// Acknowledgements that came.
    public var acknowledgements = 0
    /// Their text, in bytes.
    public var acknowledgementBytes = 0
    /// From the message that completed the tick: seal, rules, hashes, what each seat sees, and the differences.
    public var decidingNanos: Int64 = 0
    /// Handing the line to whoever records it.
    public var recordingNanos: Int64 = 0
    /// Writing messages as text, in sum: it goes on beside the sending.
    public var encodingNanos: Int64 = 0
    /// Until the broker has all messages on its disk; sealing them, and encoding, included.
    public var sendingNanos: Int64 = 0
    /// Observations that were sent.
    public var observations = 0
    /// Their text, in bytes.
    public var observationBytes = 0

    /// From the action that completed the tick to the last observation that was handed to the client, without the network.
    public var overheadNanos: Int64 { decidingNanos + recordingNanos + encodingNanos }
}

/// Gathers a tick's timing.
struct ControllerMeter: Sendable {
    var timing = ControllerTiming()
    private var isAcknowledgement = false

    /// A message came.
    mutating func add(_ text: String, _ message: SimMessage) {
        timing.messages += 1
        guard case .ack = message else { return }
        isAcknowledgement = true
        timing.acknowledgements += 1
        timing.acknowledgementBytes += text.utf8.count
    }

    /// An event was dealt with: `tick` was sealed by it, or none.
    mutating func add(_ tick: Int64?, at begun: Int64, _ taken: Int64) {
        if let tick {
            timing.tick = tick
            timing.sealedAtNanos = begun
            timing.decidingNanos += taken
        } else if isAcknowledgement {
            timing.acknowledgingNanos += taken
        } else {
            timing.receivingNanos += taken
        }
        isAcknowledgement = false
    }

    /// A message was written.
    mutating func add(_ message: SimMessage, _ text: String, _ taken: Int64) {
        timing.encodingNanos += taken
        guard case .observation = message else { return }
        timing.observations += 1
        timing.observationBytes += text.utf8.count
    }
}
