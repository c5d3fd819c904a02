public import MeshCore

extension SimReport {
    /// The report for people: facts, then tables.
    public var text: String {
        let ticks = firstTick.map { "\($0) to \(lastTick ?? $0)" } ?? "none"
        let fork = header.forkedAt.map { ", forked at tick \($0) from \(header.forkedFrom ?? "an unknown run")" } ?? ""
        var facts = [
            ("model", "\(header.model), rules \(header.rulesVersion)"), ("seed", header.seed + fork),
            ("parameters", header.parameters.text), ("ticks", ticks), ("chain", chain),
            ("checkpoints", checkpoints.isEmpty ? "none" : checkpoints.map(String.init).joined(separator: ", ")),
        ]
        if let verification { facts.append(("verification", verification.description)) }
        if let tornLine { facts.append(("torn", "line \(tornLine) was torn and is left out")) }
        let lines = facts.map { name, value in
            name + String(repeating: " ", count: max(1, 14 - name.count)) + TextTable.printable(value) + "\n"
        }
        return lines.joined() + metricsTable + seatsTable
    }

    private var metricsTable: String {
        guard !metrics.isEmpty else { return "" }
        var table = TextTable(["METRIC", "FIRST", "LAST", "MIN", "MAX", "MEAN", "SD"])
        for metric in metrics {
            let values = [metric.first, metric.last, metric.min, metric.max, metric.mean, metric.sd]
            table.add([metric.name] + values.map(TextTable.number))
        }
        return "\n" + table.text
    }

    private var seatsTable: String {
        guard !seats.isEmpty else { return "" }
        let given = Verdict.allCases.filter { verdict in seats.contains { $0[verdict] > 0 } }
        var table = TextTable(["SEAT"] + given.map(\.rawValue))
        for seat in seats { table.add([seat.name] + given.map { String(seat[$0]) }) }
        return "\n" + table.text + (leftOutSeats ? "further seats are left out\n" : "")
    }

    /// The report for programs.
    public var json: JSON {
        var object: JSONObject = [
            "model": .string(header.model), "rulesVersion": .integer(Int64(header.rulesVersion)),
            "seed": .string(header.seed), "parameters": header.parameters, "firstTick": Self.integer(firstTick),
            "lastTick": Self.integer(lastTick), "chain": .string(chain),
            "checkpoints": .array(checkpoints.map { .integer($0) }),
        ]
        if let forkedFrom = header.forkedFrom { object["forkedFrom"] = .string(forkedFrom) }
        if let forkedAt = header.forkedAt { object["forkedAt"] = .integer(forkedAt) }
        object["metrics"] = .array(metrics.compactMap { try? JSONCoder.encode($0) })
        object["seats"] = .array(
            seats.map { seat in
                let counts = Verdict.allCases.filter { seat[$0] > 0 }.map {
                    ($0.rawValue, JSON.integer(Int64(seat[$0])))
                }
                return ["seat": .string(seat.name), "verdicts": .object(JSONObject(counts))]
            })
        if let verification { object["verification"] = try? JSONCoder.encode(verification) }
        if let tornLine { object["tornLine"] = .integer(Int64(tornLine)) }
        return .object(object)
    }

    private static func integer(_ value: Int64?) -> JSON { value.map { .integer($0) } ?? .null }
}
