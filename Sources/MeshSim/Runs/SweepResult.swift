public import MeshCore

/// The result of one run of a plan.
public struct SweepRow: Codable, Sendable, Hashable {
    /// The metrics of one tick.
    public struct Sample: Codable, Sendable, Hashable {
        /// Which.
        public var tick: Int64
        /// An object of numbers, in the model's order.
        public var metrics: JSON
        /// Makes a sample.
        public init(tick: Int64, metrics: JSON) {
            self.tick = tick
            self.metrics = metrics
        }
    }
    /// The run.
    public var run: SweepPlan.Run
    /// The sampled ticks, ascending; empty when it failed.
    public var samples: [Sample]
    /// The chain's last hash, hex; nil when it failed.
    public var chain: String?
    /// Why it failed; nil when it did not.
    public var error: String?
}

/// What a plan gave: the runs that were finished, in the plan's order.
public struct SweepResult: Sendable, Hashable {
    /// What the runs were made from.
    public struct Header: Codable, Sendable, Hashable {
        /// The model.
        public var model: String
        /// The version of its rules.
        public var rulesVersion: Int
        /// The plan, with the master seed.
        public var plan: SweepPlan
    }
    /// What the runs were made from.
    public var header: Header
    /// One for each finished run, by its number.
    public var rows: [SweepRow]

    /// Whether every run of the plan is there.
    public var isComplete: Bool { (try? header.plan.count()) == rows.count }

    /// JSON lines: the header, then a line for each run.
    public func lines() throws(JSONError) -> [UInt8] {
        var bytes = try JSONCoder.encode(header).bytes() + [0x0A]
        for row in rows { bytes += try JSONCoder.encode(row).bytes() + [0x0A] }
        return bytes
    }

    /// Reads what `lines` wrote. Fails with the line that cannot be read.
    public static func parse(_ bytes: [UInt8]) throws(SimError) -> SweepResult {
        let lines = bytes.split(separator: 0x0A)
        func read<Value: Decodable>(_ number: Int, _ type: Value.Type) throws(SimError) -> Value {
            do throws(JSONError) {
                return try JSONCoder.decode(type, from: try JSON.parse(Array(lines[number]), limits: .recording))
            } catch { throw SimError("line \(number + 1) of the sweep cannot be read: \(error)") }
        }
        guard !lines.isEmpty else { throw SimError("the file is empty: a sweep begins with a line about its plan") }
        var result = SweepResult(header: try read(0, Header.self), rows: [])
        for number in lines.indices.dropFirst() { result.rows.append(try read(number, SweepRow.self)) }
        return result
    }

    /// A table (RFC 4180, lines end in a line feed): a row for each sampled tick of each run, with every parameter, the
    /// seed, the metrics and the chain.
    public func csv() throws(SimError) -> String {
        let plan = header.plan
        let names = ParameterSet(plan.parameters).values.map(\.name)
        let metrics = metricNames
        var text = Self.line(
            ["run", "point", "replicate", "seed"] + names + ["tick"] + metrics + ["chain", "error"])
        for row in rows {
            let parameters = ParameterSet(try plan.parameters(of: row.run))
            let run = row.run
            let begin = [run.number, run.point, run.replicate].map(String.init) + [String(run.seed)]
            let values = names.map { Self.cell(parameters[$0]) }
            let samples: [SweepRow.Sample?] = row.samples.isEmpty ? [nil] : row.samples
            for sample in samples {
                let measured = metrics.map { Self.cell(sample?.metrics[$0]) }
                let tick = sample.map { String($0.tick) } ?? ""
                text += Self.line(begin + values + [tick] + measured + [row.chain ?? "", row.error ?? ""])
            }
        }
        return text
    }

    /// Every metric of any run, in the order in which they come.
    public var metricNames: [String] {
        var (names, seen) = ([String](), Set<String>())
        for row in rows {
            for sample in row.samples {
                for key in sample.metrics.objectValue?.keys ?? [] where seen.insert(key).inserted { names.append(key) }
            }
        }
        return names
    }

    private static func cell(_ value: JSON?) -> String {
        switch value {
        case nil, .null?: ""
        case .string(let text)?: text
        case let other?: other.text
        }
    }

    private static func line(_ cells: [String]) -> String {
        cells.map { cell in
            let isPlain = !cell.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }
            return isPlain
                ? cell
                : "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        }.joined(separator: ",") + "\n"
    }
}
