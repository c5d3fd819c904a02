import MeshCore

/// The content of a message of the simulation protocol: a JSON object with `type` and `v` before its own fields.
public protocol SimMessageBody: Codable, Sendable, Hashable {
    /// The value of `type`.
    static var type: String { get }
}

/// A message of the simulation protocol, carried as the text of an ordinary message of the mesh. See
/// `Docs/SimulationProtocol.md`.
public enum SimMessage: Sendable, Hashable {
    /// A peer asks for a seat.
    case join(SimJoin)
    /// The controller gives one.
    case welcome(SimWelcome)
    /// What a seat sees.
    case observation(SimObservation)
    /// A seat has received an observation, or needs a full one.
    case ack(SimAck)
    /// What a seat does.
    case action(SimAction)
    /// The outcome of a seat's actions.
    case result(SimResult)
    /// A command of a person or an orchestrator.
    case command(SimCommand)
    /// A seat is given up.
    case leave(SimLeave)
    /// The run is over.
    case end(SimEnd)
    /// A message could not be processed.
    case error(SimFault)

    /// The version of the protocol.
    public static let version: Int64 = 1
    /// The largest message, in bytes.
    public static let maximumBytes = 65_536

    private typealias Reader = @Sendable (JSON) throws -> SimMessage

    private static let readers: [(type: String, read: Reader)] = [
        reader(SimMessage.join), reader(SimMessage.welcome), reader(SimMessage.observation), reader(SimMessage.ack),
        reader(SimMessage.action), reader(SimMessage.result), reader(SimMessage.command), reader(SimMessage.leave),
        reader(SimMessage.end), reader(SimMessage.error),
    ]

    private static func reader<Body: SimMessageBody>(
        _ make: @escaping @Sendable (Body) -> SimMessage
    ) -> (type: String, read: Reader) {
        (Body.type, { make(try JSONCoder.decode(Body.self, from: $0)) })
    }

    /// The types there are.
    public static var types: [String] { readers.map(\.type) }

    /// Reads a message. Unknown fields are ignored. Fails with what is wrong and what is valid.
    public static func parse(_ text: String) throws(SimProtocolError) -> SimMessage {
        guard text.utf8.count <= maximumBytes else {
            throw SimProtocolError(
                .tooLarge, "the message has \(text.utf8.count) bytes", hint: "send at most \(maximumBytes)")
        }
        let json: JSON
        do throws(JSONError) { json = try JSON.parse(Array(text.utf8)) } catch {
            throw SimProtocolError(
                .notJSON, "the message is not JSON: \(error)", hint: "send one JSON object with `v` and `type`")
        }
        guard case .object = json else {
            throw SimProtocolError(.notJSON, "the message is \(json.typeName)", hint: "send one JSON object")
        }
        guard json["v"]?.integerValue == version else {
            let found = json["v"].map(\.text).map { $0.shortened() } ?? "missing"
            throw SimProtocolError(.unsupportedVersion, "the field v is \(found)", hint: "send \"v\":\(version)")
        }
        let type = json["type"]?.stringValue
        guard let reader = readers.first(where: { $0.type == type }) else {
            throw SimProtocolError(
                .unknownType, type.map { "the type `\($0.shortened())` is unknown" } ?? "the field type is missing",
                hint: "send one of \(types.joined(separator: ", "))")
        }
        do { return try reader.read(json) } catch {
            throw SimProtocolError(
                .badField, "\(reader.type): \(error)", hint: "see the fields of \(reader.type) in the protocol")
        }
    }

    /// The content.
    public var body: any SimMessageBody {
        switch self {
        case .join(let body): body
        case .welcome(let body): body
        case .observation(let body): body
        case .ack(let body): body
        case .action(let body): body
        case .result(let body): body
        case .command(let body): body
        case .leave(let body): body
        case .end(let body): body
        case .error(let body): body
        }
    }

    /// Encodes the message. Fails when it is too large, or when a number is not finite.
    public func text() throws(SimProtocolError) -> String { try Self.text(of: body) }

    private static func text(of body: some SimMessageBody) throws(SimProtocolError) -> String {
        let type = Swift.type(of: body).type
        var message: JSONObject = ["v": .integer(version), "type": .string(type)]
        do throws(JSONError) {
            guard case .object(let members) = try JSONCoder.encode(body) else { return "" }
            for (key, value) in members { message[key] = value }
        } catch {
            throw SimProtocolError(.badField, "\(type): \(error)", hint: "give numbers that JSON has")
        }
        let bytes = JSON.object(message).bytes()
        guard bytes.count <= maximumBytes else {
            throw SimProtocolError(
                .tooLarge, "\(type) would have \(bytes.count) bytes", hint: "send at most \(maximumBytes)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
