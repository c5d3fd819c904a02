public import MeshCore

/// The report of a recording or of the result of a sweep.
public enum RunReport: Sendable, Hashable {
    /// Of a recording.
    case run(SimReport)
    /// Of a sweep.
    case sweep(SweepReport)

    /// Reads a file: a sweep begins with a line that has a plan. Fails when it is neither.
    public init(file path: String) throws(SimError) {
        var lines = try LineReader(path)
        let first = try lines.next()?.bytes ?? []
        if let header = try? JSON.parse(first, limits: .recording), header["plan"] != nil {
            self = .sweep(SweepReport(try SweepResult.parse(try RunSystem.readAll(path))))
        } else {
            self = .run(try SimReport(file: path))
        }
    }

    /// As text for people.
    public var text: String {
        switch self {
        case .run(let report): report.text
        case .sweep(let report): report.text
        }
    }

    /// As JSON for programs.
    public var json: JSON {
        switch self {
        case .run(let report): report.json
        case .sweep(let report): report.json
        }
    }
}

extension RunStore {
    /// Recordings as a table for people.
    package static func table(_ entries: [Entry]) -> String {
        var table = TextTable(["RUN", "MODEL", "RULES", "SEED", "FORKED AT", "PARAMETERS"])
        for entry in entries {
            guard let header = entry.header else {
                table.add([entry.name, "-", "-", "-", "-", entry.error ?? ""])
                continue
            }
            table.add([
                entry.name, header.model, String(header.rulesVersion), header.seed,
                header.forkedAt.map(String.init) ?? "-", header.parameters.text,
            ])
        }
        return table.text
    }

    /// Recordings for programs.
    package static func json(_ entries: [Entry]) -> JSON {
        .array(
            entries.map { entry in
                var object: JSONObject = ["name": .string(entry.name), "path": .string(entry.path)]
                if let header = entry.header { object["header"] = try? JSONCoder.encode(header) }
                if let error = entry.error { object["error"] = .string(error) }
                return .object(object)
            })
    }
}
