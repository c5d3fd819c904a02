import MeshCore

/// What a measurement wants to know of a frame that arrives.
enum BenchFrame {
    /// A message: where its fields stand.
    case message(Message)
    /// A message of ours is durable.
    case accepted
    case refused
    /// News of other kinds.
    case other

    struct Message {
        var id: Range<Int>
        var senderName: Range<Int>?
        var nonce: Range<Int>
        var body: Range<Int>
    }

    /// Reads a frame.
    init(_ bytes: UnsafeRawBufferPointer, with scanner: inout FlatScanner) {
        self = .other
        guard scanner.scan(bytes), let type = scanner.range("type", in: bytes) else { return }
        if FlatScanner.equals(bytes, type, "push") {
            self = Self.message(bytes, scanner)
        } else if FlatScanner.equals(bytes, type, "ack") {
            self = scanner.value("queued", in: bytes) == .bool(true) ? .accepted : .refused
        } else if FlatScanner.equals(bytes, type, "error") {
            self = .refused
        }
    }

    private static func message(_ bytes: UnsafeRawBufferPointer, _ scanner: FlatScanner) -> BenchFrame {
        guard let id = scanner.range("messageId", in: bytes), let nonce = scanner.range("nonce", in: bytes),
            let body = scanner.range("ciphertext", in: bytes)
        else { return .other }
        return .message(
            Message(id: id, senderName: scanner.range("senderName", in: bytes), nonce: nonce, body: body))
    }
}

/// The parts of a `send` frame that are the same for all messages to one target.
struct BenchForm {
    /// What stands before the message's own fields.
    let start: [UInt8]
    /// What stands between its client message id and its nonce.
    let body: [UInt8]
    /// What stands behind its body.
    let end: [UInt8]
    var bytes: Int { start.count + body.count + end.count }

    /// One body: a box for one session key, or plain text for many.
    static func single(_ target: String, isPlain: Bool) -> BenchForm {
        BenchForm(
            start: Array(#"{"type":"send","targetSpec":"\#(target)"\#(isPlain ? #","encrypted":false"# : "")"#.utf8),
            body: Array(#"","nonce":""#.utf8), end: Array(#""}"#.utf8))
    }

    /// A list of one copy for a session key.
    static func copies(_ session: String) -> BenchForm {
        BenchForm(
            start: Array(#"{"type":"send","targetSpec":"\#(session)""#.utf8),
            body: Array(#"","copies":[{"session":"\#(session)","bodyVersion":1,"nonce":""#.utf8),
            end: Array(#""}]}"#.utf8))
    }
}

/// Writes the text of a frame to memory that is known to be large enough.
struct BenchText {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + bytes.count]).copyMemory(from: bytes)
        count += bytes.count
    }

    mutating func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { put($0) } }

    mutating func put(_ text: StaticString) {
        put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func put(base64 bytes: UnsafeRawBufferPointer) {
        count += Base64.encode(bytes, to: UnsafeMutableRawBufferPointer(rebasing: memory[count...]))
    }

    /// A number's decimal digits; it is not negative.
    mutating func put(_ number: Int) {
        var digits = 1
        var rest = number / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        rest = number
        for place in (count..<count + digits).reversed() {
            memory[place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        count += digits
    }
}
