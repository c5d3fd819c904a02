package import MeshCore

/// The outgoing half of a connection, whatever carries it. Confined to the connection's event loop.
package protocol FrameSink: AnyObject {
    /// Whether the other side is on this machine.
    var isLoopback: Bool { get }
    /// Queues a text frame.
    func write(_ frame: [UInt8])
    /// Queues a text frame and keeps its lease until the frame has left, or never will.
    func write(_ frame: [UInt8], holding lease: AnswerLease)
    /// Sends what is queued.
    func flush()
    /// Sends a ping, after what is queued.
    func ping(_ payload: [UInt8])
    /// Says goodbye and ends the connection.
    func close(_ reason: CloseReason)
    /// Stops taking frames in: the other side feels it.
    func pauseReading()
    /// Takes frames in again.
    func resumeReading()
    /// Where the other side is, for logs.
    var remoteAddress: String { get }
    /// Somebody has proved a key with a hello; the mesh is asked whether it is let in.
    func heardHello()
    /// The hello was accepted: frames may have their full size. What the connection has not sent counts for its member.
    func admit(_ unsent: UnsentBytes)
}

extension FrameSink {
    package var remoteAddress: String { "this process" }
    package func heardHello() {}
    package func admit(_ unsent: UnsentBytes) {}
}

extension FrameSink {
    /// A line without a buffer of its own: what is written has left.
    package func write(_ frame: [UInt8], holding lease: AnswerLease) { write(frame) }
}
