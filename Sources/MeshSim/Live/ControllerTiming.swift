import MeshSim

/// The cost of a tick for its controller, in nanoseconds: from the previous seal to the end of this tick's messages.
/// For measurement only; not recorded.
public struct ControllerTiming: Sendable, Hashable {
    /// The last sealed tick.
    public var tick: Int64 = 0
    /// When its seal began, relative to the making of the controller.
    public var sealedAtNanos: Int64 = 0
    /// Reading and judging input since the previous tick, except acknowledgements.
    public var receivingNanos: Int64 = 0
    /// The number of messages received, acknowledgements included.
    public var messages = 0
    /// Reading and processing acknowledgements.
    public var acknowledgingNanos: Int64 = 0
    /// The number of acknowledgements received.
    public var acknowledgements = 0
    /// Their text, in bytes.
    public var acknowledgementBytes = 0
    /// From the message that completed the tick: seal, rules, hashes, what each seat sees, and the differences.
    public var decidingNanos: Int64 = 0
    /// Passing the line to the recorder.
    public var recordingNanos: Int64 = 0
    /// Encoding messages, in total; concurrent with sending.
    public var encodingNanos: Int64 = 0
    /// Until the broker has all messages on its disk; sealing them, and encoding, included.
    public var sendingNanos: Int64 = 0
    /// The number of observations sent.
    public var observations = 0
    /// Their text, in bytes.
    public var observationBytes = 0

    /// From the action that completed the tick to the last observation passed to the client, without the network.
    public var overheadNanos: Int64 { decidingNanos + recordingNanos + encodingNanos }
}

/// Gathers a tick's timing.
struct ControllerMeter: Sendable {
    var timing = ControllerTiming()
    private var isAcknowledgement = false

    /// Records a received message.
    mutating func add(_ text: String, _ message: SimMessage) {
        timing.messages += 1
        guard case .ack = message else { return }
        isAcknowledgement = true
        timing.acknowledgements += 1
        timing.acknowledgementBytes += text.utf8.count
    }

    /// Records a processed event, and the tick sealed by it, if any.
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

    /// Records an encoded message.
    mutating func add(_ message: SimMessage, _ text: String, _ taken: Int64) {
        timing.encodingNanos += taken
        guard case .observation = message else { return }
        timing.observations += 1
        timing.observationBytes += text.utf8.count
    }
}
