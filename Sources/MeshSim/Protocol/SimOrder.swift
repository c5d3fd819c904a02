public import MeshCore

/// What a `sim_command` orders.
public enum SimOrder: Sendable, Hashable {
    /// No further tick begins.
    case pause
    /// Ticks begin again, at the pace before.
    case resume
    /// So many ticks begin.
    case step(ticks: Int64)
    /// Another pace.
    case pace(Pacing)
    /// The run ends after the open tick.
    case stop(reason: String?)
    /// Another mind takes over a seat's body: the member with this key, or any member that joins by the seat's name.
    case handOver(seat: String, mind: Mind, member: PublicKey?)
    /// A seat is waited for again.
    case readmit(seat: String)
    /// An action in phase 0.
    case act(action: String, arguments: JSON?)

    private typealias Reader = @Sendable (JSON) throws -> SimOrder

    private static let readers: [(name: String, read: Reader)] = [
        ("pause", { _ in .pause }),
        ("resume", { _ in .resume }),
        ("step", { .step(ticks: try JSONCoder.decode(Steps.self, from: $0).ticks ?? 1) }),
        ("speed", { .pace(try JSONCoder.decode(Pacing.self, from: $0)) }),
        ("stop", { .stop(reason: $0["reason"]?.stringValue) }),
        (
            "hand_over",
            {
                let wanted = try JSONCoder.decode(HandOver.self, from: $0)
                let member = try wanted.member.map { text in
                    guard let key = PublicKey(hex: text) else {
                        throw SimError("member is a member's key, 64 lower-case hex characters; a name proves nothing")
                    }
                    return key
                }
                return .handOver(seat: wanted.seat, mind: wanted.mind, member: member)
            }
        ),
        ("readmit", { .readmit(seat: try JSONCoder.decode(Readmission.self, from: $0).seat) }),
        (
            "act",
            {
                let wanted = try JSONCoder.decode(Act.self, from: $0)
                return .act(action: wanted.action, arguments: wanted.arguments)
            }
        ),
    ]

    private struct Steps: Decodable { var ticks: Int64? }
    private struct HandOver: Decodable {
        var seat: String
        var mind: Mind
        var member: String?
    }
    private struct Readmission: Decodable { var seat: String }
    private struct Act: Decodable {
        var action: String
        var arguments: JSON?
    }

    /// The commands there are.
    public static var names: [String] { readers.map(\.name) }

    /// Reads a command. Fails when it is unknown or its arguments do not fit.
    public init(_ command: SimCommand) throws(SimProtocolError) {
        guard let reader = Self.readers.first(where: { $0.name == command.command }) else {
            throw SimProtocolError(
                .unknownCommand, "the command `\(command.command.shortened())` is unknown",
                hint: "send one of \(Self.names.joined(separator: ", "))")
        }
        do {
            self = try reader.read(command.arguments ?? [:])
        } catch {
            throw SimProtocolError(
                .badField, "\(reader.name): \(error)", hint: "see the arguments of \(reader.name) in the protocol")
        }
        if case .step(let ticks) = self, ticks < 1 {
            throw SimProtocolError(.badField, "step: \(ticks) ticks", hint: "give 1 or more")
        }
    }
}
