import MeshCore
import MeshSDK

/// One peer of a measurement: what it has sent, what it waits for, and the frames it makes. Confined to its loop.
final class BenchPeer {
    let number: Int
    private let connection: WebSocketTransport
    /// Messages that were sent.
    private(set) var sent = 0
    /// Messages that the broker has acknowledged as durable.
    private(set) var accepted = 0
    /// The ids of this burst's messages that were opened, with what stands between them.
    private var opened: [UInt8] = []

    private static let separator: StaticString = "\",\""
    /// A frame's names and numbers, and more.
    private static let frameBytes = 160

    init(number: Int, connection: WebSocketTransport) {
        self.number = number
        self.connection = connection
    }

    /// Gives the frames that arrive from now on.
    func receive(_ frame: @escaping (UnsafeRawBufferPointer) -> Void) { connection.receiveInPlace(frame) }

    /// The number of the next message.
    func nextMessage() -> Int {
        defer { sent += 1 }
        return sent
    }

    /// Notes that a message is durable.
    func accept() { accepted += 1 }

    /// Notes that a message was opened; it is acknowledged with the burst.
    func open(_ id: UnsafeRawBufferPointer) {
        if !opened.isEmpty { opened.append(contentsOf: UnsafeRawBufferPointer(Self.separator)) }
        opened.append(contentsOf: id)
    }

    /// Adds a `send` frame. `form` is the same for all messages to one recipient.
    func send(_ message: Int, _ form: BenchForm, nonce: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer) {
        let size = form.bytes + Base64.encodedCount(nonce.count) + Base64.encodedCount(body.count) + Self.frameBytes
        connection.sendInPlace(maximumBytes: size) { memory in
            var text = BenchText(memory)
            text.put(form.start)
            text.put(#","id":""#)
            text.put(message)
            text.put(#"","client_message_id":""#)
            text.put(number)
            text.put("-")
            text.put(message)
            text.put(form.body)
            text.put(base64: nonce)
            text.put(#"","ciphertext":""#)
            text.put(base64: body)
            text.put(form.end)
            return text.count
        }
    }

    /// Adds the acknowledgement of what was opened. It leaves with the burst.
    func acknowledge() {
        guard !opened.isEmpty else { return }
        connection.sendInPlace(maximumBytes: opened.count + Self.frameBytes) { memory in
            var text = BenchText(memory)
            text.put(#"{"type":"client_ack","messageIds":[""#)
            text.put(opened)
            text.put(#""]}"#)
            return text.count
        }
        opened.removeAll(keepingCapacity: true)
    }

    /// Sends what has been gathered outside a burst.
    func flush() {
        acknowledge()
        connection.flushNow()
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes of a text.
    fileprivate init(_ text: StaticString) { self.init(start: text.utf8Start, count: text.utf8CodeUnitCount) }
}
