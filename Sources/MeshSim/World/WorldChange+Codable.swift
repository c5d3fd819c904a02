import MeshCore

/// A compact form: an array that begins with the operation, for example
/// `["set", "shop-1", "price", 5, 6]`. A point is `[x, y]`. Only `JSONCoder` reads it.
extension WorldChange: Codable {
    public init(from decoder: any Decoder) throws {
        let json = try JSON(from: decoder)
        guard let change = try WorldChange(json.arrayValue ?? []) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a change is an array that begins with spawn, remove, set, zone, position, link, "
                        + "event or tick, followed by what these need"))
        }
        self = change
    }

    /// Nil when it is not a change.
    private init?(_ list: [JSON]) throws {
        func text(_ place: Int) -> String? { list[place].stringValue }
        switch (list.first?.stringValue, list.count) {
        case ("spawn", 5):
            guard let id = text(1), let type = text(2), let values = Self.values(list[3]),
                list[4].isNull || list[4].integerValue != nil
            else { return nil }
            self = .spawn(EntityID(id), type: type, values: values, nextNumber: list[4].integerValue)
        case ("remove", 4):
            guard let id = text(1), let type = text(2), let values = Self.values(list[3]) else { return nil }
            self = .remove(EntityID(id), type: type, values: values)
        case ("set", 5):
            guard let id = text(1), let name = text(2), let values = Self.values(.array([list[3], list[4]])) else {
                return nil
            }
            self = .set(EntityID(id), name, old: values[0], new: values[1])
        case ("zone", 4):
            guard let id = text(1), list[2...].allSatisfy({ $0.isNull || $0.stringValue != nil }) else { return nil }
            self = .zone(EntityID(id), old: text(2), new: text(3))
        case ("position", 4):
            guard let id = text(1), list[2...].allSatisfy({ $0.isNull || Self.point($0) != nil }) else { return nil }
            self = .position(EntityID(id), old: Self.point(list[2]), new: Self.point(list[3]))
        case ("link", 6):
            guard let network = text(1), let from = text(2), let to = text(3),
                list[4...].allSatisfy({ $0.isNull || $0.doubleValue != nil })
            else { return nil }
            self = .link(network, EntityID(from), EntityID(to), old: list[4].doubleValue, new: list[5].doubleValue)
        case ("event", 2): self = .event(try JSONCoder.decode(WorldEvent.self, from: list[1]))
        case ("tick", 1): self = .tick
        default: return nil
        }
    }

    private static func values(_ json: JSON) -> [AttributeValue?]? {
        guard let list = json.arrayValue else { return nil }
        var values: [AttributeValue?] = []
        for element in list {
            let value = AttributeValue(lossless: element)
            guard value != nil || element.isNull else { return nil }
            values.append(value)
        }
        return values
    }

    private static func point(_ json: JSON) -> Point? {
        guard let list = json.arrayValue, list.count == 2, let x = list[0].doubleValue, let y = list[1].doubleValue
        else { return nil }
        return Point(x: x, y: y)
    }

    public func encode(to encoder: any Encoder) throws { try JSON.array(list()).encode(to: encoder) }

    private func list() throws -> [JSON] {
        func values(_ values: [AttributeValue?]) -> JSON { .array(values.map { $0?.lossless ?? .null }) }
        func text(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
        func point(_ point: Point?) -> JSON { point.map { [.double($0.x), .double($0.y)] } ?? .null }
        func number(_ number: Double?) -> JSON { number.map { .double($0) } ?? .null }
        switch self {
        case .spawn(let id, let type, let row, let nextNumber):
            return ["spawn", text(id.rawValue), text(type), values(row), nextNumber.map { .integer($0) } ?? .null]
        case .remove(let id, let type, let row): return ["remove", text(id.rawValue), text(type), values(row)]
        case .set(let id, let name, let old, let new):
            return ["set", text(id.rawValue), text(name), old?.lossless ?? .null, new?.lossless ?? .null]
        case .zone(let id, let old, let new): return ["zone", text(id.rawValue), text(old), text(new)]
        case .position(let id, let old, let new): return ["position", text(id.rawValue), point(old), point(new)]
        case .link(let network, let from, let to, let old, let new):
            return ["link", text(network), text(from.rawValue), text(to.rawValue), number(old), number(new)]
        case .event(let event): return ["event", try JSONCoder.encode(event)]
        case .tick: return ["tick"]
        }
    }
}
