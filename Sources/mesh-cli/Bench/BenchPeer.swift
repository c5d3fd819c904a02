import MeshCore

/// One peer of a measurement: what it has sent, what it waits for, and the frames it makes. Confined to its loop.
struct BenchPeer {
    let number: Int
    let transport: any Transport
    /// Messages that were sent.
    var sent = 0
    /// Messages that the broker has acknowledged as durable.
    var accepted = 0
    /// Frames of this burst.
    var frames: [[UInt8]] = []
    /// Messages of this burst that were opened.
    var opened: [[UInt8]] = []

    /// Sends what the burst has gathered, with one flush.
    mutating func flush() {
        if !opened.isEmpty {
            frames.append(Self.acknowledgement(opened))
            opened.removeAll(keepingCapacity: true)
        }
        guard !frames.isEmpty else { return }
        transport.send(frames)
        frames.removeAll(keepingCapacity: true)
    }

    /// A `send` frame. `target` is the head that is the same for all messages to one recipient.
    static func send(head: [UInt8], peer: Int, number: Int, nonce: String, body: String) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(head.count + body.utf8.count + nonce.utf8.count + 80)
        frame += head
        frame += #","id":""#.utf8
        frame += String(number).utf8
        frame += #"","client_message_id":""#.utf8
        frame += "\(peer)-\(number)".utf8
        frame += #"","nonce":""#.utf8
        frame += nonce.utf8
        frame += #"","ciphertext":""#.utf8
        frame += body.utf8
        frame += #""}"#.utf8
        return frame
    }

    /// What stands before the message's own fields.
    static func head(target: String) -> [UInt8] { Array(#"{"type":"send","targetSpec":"\#(target)""#.utf8) }

    private static func acknowledgement(_ ids: [[UInt8]]) -> [UInt8] {
        var frame = Array(#"{"type":"client_ack","messageIds":[""#.utf8)
        for (place, id) in ids.enumerated() {
            if place > 0 { frame += #"",""#.utf8 }
            frame += id
        }
        frame += #""]}"#.utf8
        return frame
    }
}
