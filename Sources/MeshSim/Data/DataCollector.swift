import MeshCore

/// A column of the model as a whole.
public struct ModelColumn: Sendable {
    let column: DataColumn
    let value: @Sendable (World, Int64) -> AttributeValue?

    /// Declares a column: what it is of a world and tick; nil: an empty cell.
    public init<Value: AttributeScalar>(_ name: String, _ value: @escaping @Sendable (World, Int64) -> Value?) {
        column = DataColumn(name, Value.kind)
        self.value = { value($0, $1)?.attributeValue }
    }
}

/// The columns of one type of entities. Each type has a table of its own, so that none has cells that make no sense.
public struct EntityColumns: Sendable {
    let type: String
    let attributes: [AttributeDeclaration]
    let hasPlaces: Bool

    /// Declares the columns: attributes of the type, and with `places` also zone, x and y.
    public init(_ type: String, places: Bool = false, @AttributeBuilder _ attributes: () -> [AttributeDeclaration]) {
        self.type = type
        self.attributes = attributes()
        hasPlaces = places
    }

    func shape() throws(DataError) -> DataShape {
        var columns = [DataColumn("tick", .integer), DataColumn("id", .reference)]
        columns += attributes.map { DataColumn($0.name, $0.kind) }
        if hasPlaces { columns += [DataColumn("zone", .text), DataColumn("x", .real), DataColumn("y", .real)] }
        return try DataShape(type, columns)
    }

    func row(_ view: EntityView, _ tick: Int64) -> [AttributeValue?] {
        var row: [AttributeValue?] = [.integer(tick), .reference(view.id)]
        for attribute in attributes { row.append(view.value(attribute.name)) }
        if hasPlaces {
            let point = view.position
            row += [view.zone.map { .text($0) }, point.map { .real($0.x) }, point.map { .real($0.y) }]
        }
        return row
    }
}

/// Collects tables from a world: `model` with a row a tick, one table for each type with a row for each entity and
/// tick, and `events`. All have the column `tick`: there is one time.
///
/// It only reads: it gets a copy of the world, and no random stream.
public struct DataCollector: Sendable {
    /// The tables that rows come for, in order.
    public let shapes: [DataShape]
    /// Ticks that are a multiple of it are collected; all events are.
    public let every: Int64
    private let model: [ModelColumn]
    private let entities: [EntityColumns]
    private let hasEvents: Bool

    /// Declares what is collected. Fails with `invalidTable`, for example when a type is named as one of the others.
    public init(
        every: Int64 = 1, model: [ModelColumn] = [], entities: [EntityColumns] = [], events: Bool = false
    ) throws(DataError) {
        guard every >= 1 else { throw DataError(.outOfRange, "every \(every) ticks: at least 1 is valid") }
        var shapes: [DataShape] = []
        if !model.isEmpty {
            shapes.append(try DataShape("model", [DataColumn("tick", .integer)] + model.map(\.column)))
        }
        for type in entities { shapes.append(try type.shape()) }
        if events { shapes.append(try Self.eventShape()) }
        var names: Set<String> = [DataHeader.tableName]
        for shape in shapes where !names.insert(shape.name.lowercased()).inserted {
            throw DataError(.invalidTable, "there are two tables named \(shape.name): rename the type")
        }
        self.shapes = shapes
        self.every = every
        self.model = model
        self.entities = entities
        hasEvents = events
    }

    private static func eventShape() throws(DataError) -> DataShape {
        try DataShape(
            "events",
            [
                DataColumn("tick", .integer), DataColumn("name", .text), DataColumn("subject", .reference),
                DataColumn("zone", .text), DataColumn("x", .real), DataColumn("y", .real), DataColumn("data", .text),
            ])
    }

    /// Collects a tick. Fails as the sink does, and with `outOfRange` when a column gives a number that is not finite.
    public func collect<Sink: DataSink>(_ world: World, tick: Int64, into sink: inout Sink) throws(DataError) {
        if hasEvents { for event in world.events { try sink.append(Self.row(event, tick), to: "events") } }
        guard tick % every == 0 else { return }
        if !model.isEmpty {
            try sink.append([.integer(tick)] + model.map { $0.value(world, tick) }, to: "model")
        }
        for type in entities {
            try world.forEach(of: type.type) { (view: EntityView) throws(DataError) in
                try sink.append(type.row(view, tick), to: type.type)
            }
        }
    }

    /// Fails with `wrongColumns` when a type or an attribute that is collected is not in a schema: its cells would stay
    /// empty.
    public func check(against schema: WorldSchema) throws(DataError) {
        for columns in entities {
            guard let type = schema.type(columns.type) else {
                throw DataError(
                    .wrongColumns,
                    "\(columns.type) is collected, but no type; \(WorldError.list(schema.types.map(\.name)))")
            }
            for attribute in columns.attributes {
                guard type.attributes.contains(where: { $0.name == attribute.name && $0.kind == attribute.kind }) else {
                    throw DataError(
                        .wrongColumns,
                        "\(type.name) has no attribute \(attribute.name) of kind \(attribute.kind.rawValue); "
                            + WorldError.list(type.attributes.map(\.name)))
                }
            }
        }
    }

    private static func row(_ event: WorldEvent, _ tick: Int64) -> [AttributeValue?] {
        [
            .integer(tick), .text(event.name), event.subject.map { .reference($0) }, event.zone.map { .text($0) },
            event.point.map { .real($0.x) }, event.point.map { .real($0.y) }, .text(event.data.text),
        ]
    }
}
