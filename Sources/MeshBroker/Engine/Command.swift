package import MeshCore

/// The identity a command acts for. Authentication happened outside; permissions are checked when it is applied.
package enum Actor: Sendable, Hashable, Codable {
    /// The node itself: timers, connections coming and going.
    case node
    /// The holder of the admin token.
    case admin
    /// A session, and its connection if it has one.
    case session(SessionNumber, ConnectionID?)

    package init(from decoder: any Decoder) throws {
        let parts = try [Int64](from: decoder)
        switch (parts.first, parts.count) {
        case (0, 1): self = .node
        case (1, 1): self = .admin
        case (2, 2): self = .session(SessionNumber(rawValue: parts[1]), nil)
        case (2, 3):
            self = .session(
                SessionNumber(rawValue: parts[1]), ConnectionID(rawValue: UInt64(bitPattern: parts[2])))
        default:
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not an actor"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .node: try [Int64(0)].encode(to: encoder)
        case .admin: try [Int64(1)].encode(to: encoder)
        case .session(let number, nil): try [2, number.rawValue].encode(to: encoder)
        case .session(let number, let connection?):
            try [2, number.rawValue, Int64(bitPattern: connection.rawValue)].encode(to: encoder)
        }
    }
}

/// One thing to decide, with all inputs of the decision except the state.
package struct Command: Sendable {
    /// The actor.
    package var actor: Actor
    /// The request: a write.
    package var request: any Request
    /// 32 random bytes (hex) from which ids and salts derive.
    package var entropy: Entropy

    package init(actor: Actor, request: any Request, entropy: Entropy) {
        self.actor = actor
        self.request = request
        self.entropy = entropy
    }
}

/// Random bytes that came with a command: the only source of randomness inside `apply`.
package struct Entropy: Sendable, Hashable {
    package var words: (UInt64, UInt64, UInt64, UInt64)

    package init(_ generator: inout some RandomNumberGenerator) {
        words = (generator.next(), generator.next(), generator.next(), generator.next())
    }

    /// Derives other bytes for each position of a batch by hashing, so that none reveals another.
    package func derived(_ place: Int) -> Entropy {
        var entropy = self
        entropy.words.3 ^= UInt64(place)
        return entropy
    }

    package init?(hex: String) {
        guard let bytes = Hex.decode(hex), bytes.count == 32 else { return nil }
        func word(_ start: Int) -> UInt64 { bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        words = (word(0), word(8), word(16), word(24))
    }

    package var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(32)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return result
    }

    package static func == (left: Entropy, right: Entropy) -> Bool { left.words == right.words }
    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// The log's unit: commands that are applied and made durable together, with one timestamp.
package struct Batch: Sendable {
    /// Counted from 1 in one mesh; `apply` skips a number that it has seen.
    package var number: Int64
    /// Unix milliseconds, never less than in the batch before.
    package var now: Int64
    /// In the order in which they apply.
    package var commands: [Command]

    package init(number: Int64, now: Int64, commands: [Command]) {
        self.number = number
        self.now = now
        self.commands = commands
    }
}

/// What a batch did: the answer to each command and, in order, what must be sent to whom. None of it may leave
/// before the batch is on disk.
package struct BatchResult: Sendable {
    /// What must be sent to whom, in order: first the effects of timers, then those of each command after its answer.
    package var effects: [Effect] = []
    /// How many of the effects are those of timers, which fired before the first command.
    package var timerEffects = 0
    /// One per command.
    package var outcomes: [Outcome] = []
}

/// The outcome of one command.
package struct Outcome: Sendable {
    /// The answer or the refusal.
    package var result: Result<any Reply, MeshError>
    /// Where its effects end among those of the batch; they begin where those of the previous command end.
    package var effectsEnd: Int
}

/// Something that must be sent to a connection after the commit. Effects may be lost: what matters is in the state.
package enum Effect: Sendable {
    /// A frame.
    case push(ConnectionID, any Push)
    /// A frame that wants the transport's own receipt: the client itself acknowledges nothing.
    case trackedPush(ConnectionID, any Push, message: Int64)
    /// The end of a connection.
    case close(ConnectionID, CloseReason)
}
