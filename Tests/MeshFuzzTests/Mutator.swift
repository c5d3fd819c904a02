/// Changes inputs in the ways that find mistakes in decoders; the same seed gives the same changes.
struct Mutator {
    private var state: UInt64
    /// Pieces that mean something to one decoder or another.
    private static let words: [[UInt8]] = [
        "{", "}", "[", "]", "\"", "\\u0000", "\\ud800", ":", ",", "null", "true", "-0", "1e999", "9223372036854775807",
        "-9223372036854775808", "18446744073709551616", "\r\n", "\n", "\r\n\r\n", "\u{0}", "\u{FEFF}", "=", "==", "+",
        "/",
        "Content-Length: ", "Transfer-Encoding: chunked", "0\r\n\r\n", "ffffffffffffffff", "— ", "HTTP/1.1", " ", "%00",
        "\"type\":\"send\"", "\"targetSpec\":\"*\"", "#", "@", "*", "..",
    ].map { Array($0.utf8) }
    private static let edges: [UInt8] = [0, 1, 0x7E, 0x7F, 0x80, 0x81, 0x88, 0xBF, 0xC0, 0xED, 0xF4, 0xFE, 0xFF]

    init(seed: UInt64) { state = seed }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { bound <= 0 ? 0 : Int(next() % UInt64(bound)) }

    /// A changed copy of one input; parts of the others may come into it.
    mutating func mutate(_ inputs: [[UInt8]]) -> [UInt8] {
        var bytes = inputs.isEmpty ? [] : inputs[below(inputs.count)]
        for _ in 0...below(4) { change(&bytes, inputs) }
        if bytes.count > 65_536 { bytes.removeLast(bytes.count - 65_536) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ inputs: [[UInt8]]) {
        let place = below(bytes.count + 1)
        switch below(8) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(below(8))
        case 1 where place < bytes.count: bytes[place] = Self.edges[below(Self.edges.count)]
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + below(9)))
        case 3: bytes.insert(contentsOf: Self.words[below(Self.words.count)], at: place)
        case 4:
            let end = min(bytes.count, place + 1 + below(32))
            bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
        case 5:
            let other = inputs.isEmpty ? [] : inputs[below(inputs.count)]
            bytes = Array(bytes[..<place]) + other.suffix(below(other.count + 1))
        case 6: bytes.removeLast(bytes.count - place)
        default: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
        }
    }
}
