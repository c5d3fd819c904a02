package import MeshCore

/// The outgoing half of a connection, over any transport. Confined to the connection's event loop.
package protocol FrameSink: AnyObject {
    /// Whether the other side is on this machine.
    var isLoopback: Bool { get }
    /// Queues a text frame.
    func write(_ frame: [UInt8])
    /// Queues a text frame and holds its lease until the frame is sent, or never will be.
    func write(_ frame: [UInt8], holding lease: AnswerLease)
    /// Sends the queue.
    func flush()
    /// Sends a ping, after the queued frames.
    func ping(_ payload: [UInt8])
    /// Closes the connection cleanly.
    func close(_ reason: CloseReason)
    /// Stops reading frames: the other side gets backpressure.
    func pauseReading()
    /// Resumes reading frames.
    func resumeReading()
    /// The other side's address, for logs.
    var remoteAddress: String { get }
    /// A hello has proved a key; the mesh is asked whether to admit it.
    func heardHello()
    /// The hello was accepted: frames may have their full size. The connection's unsent bytes count for its member.
    func admit(_ unsent: UnsentBytes)
}

extension FrameSink {
    package var remoteAddress: String { "this process" }
    package func heardHello() {}
    package func admit(_ unsent: UnsentBytes) {}
}

extension FrameSink {
    /// A transport without a buffer of its own: what is written has been sent.
    package func write(_ frame: [UInt8], holding lease: AnswerLease) { write(frame) }
}
