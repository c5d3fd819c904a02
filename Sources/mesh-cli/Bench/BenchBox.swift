import MeshCore
import MeshSDK

/// The shared keys of all pairs of peers. A key is the same on both sides, so each pair stands once.
struct BenchKeys {
    private var keys: [BoxKey] = []

    /// No keys.
    init() {}

    init(_ peers: [Credentials]) throws {
        let secrets = peers.map { KeyConversion.x25519($0.sessionKey) }
        let publics = try peers.map { try KeyConversion.x25519($0.sessionKey.publicKey) }
        for one in peers.indices {
            for other in 0..<one {
                keys.append(try BoxKey(mineX25519: secrets[one], theirsX25519: publics[other]))
            }
        }
    }

    /// The key between two peers; nil when they are the same.
    func between(_ one: Int, _ other: Int) -> BoxKey? {
        let (low, high) = (min(one, other), max(one, other))
        return low == high ? nil : keys[high * (high - 1) / 2 + low]
    }
}

/// What peers send each other: a payload of a size, sealed or not, in memory that lasts for one call. A measurement makes
/// and opens so many that it must not ask the heap for each.
struct BenchBox {
    /// Bytes of each text.
    let size: Int
    private var random = SecureRandom()

    init(size: Int) { self.size = size }

    /// A number below `limit`.
    mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

    /// Gives the bytes of a payload, with a nonce for them when there is a key to seal with.
    mutating func withBody(
        of payload: BenchPayload, key: BoxKey?,
        _ body: (_ nonce: UnsafeRawBufferPointer, _ text: UnsafeRawBufferPointer) -> Void
    ) {
        let room = BoxKey.nonceBytes + BoxKey.tagBytes + 2 * size
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 16) { memory in
            let text = UnsafeMutableRawBufferPointer(rebasing: memory[..<size])
            payload.write(to: text)
            guard let key else {
                return body(UnsafeRawBufferPointer(start: nil, count: 0), UnsafeRawBufferPointer(text))
            }
            let nonce = UnsafeMutableRawBufferPointer(rebasing: memory[size..<size + BoxKey.nonceBytes])
            random.fill(nonce)
            let box = UnsafeMutableRawBufferPointer(rebasing: memory[(size + BoxKey.nonceBytes)...])
            guard key.seal(UnsafeRawBufferPointer(text), nonce: UnsafeRawBufferPointer(nonce), to: box) else { return }
            body(UnsafeRawBufferPointer(nonce), UnsafeRawBufferPointer(box))
        }
    }

    /// Reads a body that is not sealed, from its base64; nil when it is none of ours.
    func read(_ body: UnsafeRawBufferPointer) -> BenchPayload? {
        withUnsafeTemporaryAllocation(byteCount: body.count, alignment: 16) { memory in
            guard let count = Base64.decode(body, to: memory), count == size else { return nil }
            return BenchPayload(UnsafeRawBufferPointer(rebasing: memory[..<count]))
        }
    }

    /// Opens a sealed body, from its base64; nil when it was changed, or is none of ours.
    static func open(_ body: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, key: BoxKey) -> BenchPayload? {
        let room = body.count
        return withUnsafeTemporaryAllocation(byteCount: nonce.count + 2 * room, alignment: 16) { memory in
            let box = UnsafeMutableRawBufferPointer(rebasing: memory[..<room])
            let plain = UnsafeMutableRawBufferPointer(rebasing: memory[room..<2 * room])
            let nonceBytes = UnsafeMutableRawBufferPointer(rebasing: memory[(2 * room)...])
            guard let count = Base64.decode(body, to: box), count >= BoxKey.tagBytes,
                let nonceCount = Base64.decode(nonce, to: nonceBytes)
            else { return nil }
            let text = UnsafeMutableRawBufferPointer(rebasing: plain[..<(count - BoxKey.tagBytes)])
            guard
                key.open(
                    UnsafeRawBufferPointer(rebasing: box[..<count]),
                    nonce: UnsafeRawBufferPointer(rebasing: nonceBytes[..<nonceCount]), to: text)
            else { return nil }
            return BenchPayload(UnsafeRawBufferPointer(text))
        }
    }
}
