public import MeshCore

/// A summary of a sweep: every combination's metrics over its replicates.
public struct SweepReport: Codable, Sendable, Hashable {
    /// One metric of one combination at one tick.
    public struct Metric: Codable, Sendable, Hashable {
        /// The tick.
        public var tick: Int64
        /// Its name.
        public var name: String
        /// Over how many replicates.
        public var count: Int
        /// Its mean.
        public var mean: Double
        /// Its standard deviation between replicates.
        public var sd: Double
        /// Half the width of the mean's 95 % interval (Student's t); nil for fewer than two replicates.
        public var halfInterval: Double?
    }
    /// One combination.
    public struct Point: Codable, Sendable, Hashable {
        /// Its place in the plan, from 0.
        public var number: Int
        /// The axes' values.
        public var values: [JSON]
        /// Runs that were finished.
        public var runs: Int
        /// Runs that failed.
        public var failed: Int
        /// The first error; nil when none failed.
        public var error: String?
        /// The metrics by tick, in the model's order.
        public var metrics: [Metric]
    }

    /// What the runs were made from.
    public var header: SweepResult.Header
    /// Whether every run of the plan is there.
    public var isComplete: Bool
    /// The combinations that have a finished run, in the plan's order.
    public var points: [Point]

    /// A report of a result.
    public init(_ result: SweepResult) {
        header = result.header
        isComplete = result.isComplete
        points = []
        var rest = result.rows[...]
        while let first = rest.first {
            let rows = rest.prefix { $0.run.point == first.run.point }
            rest = rest.dropFirst(rows.count)
            points.append(Self.point(rows))
        }
    }

    private static func point(_ rows: ArraySlice<SweepRow>) -> Point {
        let failed = rows.filter { $0.error != nil }
        var names: [(tick: Int64, name: String)] = []
        var statistics: [SampleStatistics] = []
        for sample in rows.flatMap(\.samples) {
            for (name, value) in sample.metrics.objectValue ?? JSONObject() {
                guard let value = value.doubleValue else { continue }
                var place = names.firstIndex { $0.tick == sample.tick && $0.name == name }
                if place == nil {
                    names.append((sample.tick, name))
                    statistics.append(SampleStatistics())
                    place = names.count - 1
                }
                if let place { statistics[place].add(value) }
            }
        }
        let metrics = zip(names, statistics).map { place, values in
            Metric(
                tick: place.tick, name: place.name, count: values.count, mean: values.mean, sd: values.deviation,
                halfInterval: values.halfInterval)
        }
        return Point(
            number: rows.first?.run.point ?? 0, values: rows.first?.run.values ?? [], runs: rows.count - failed.count,
            failed: failed.count, error: failed.first?.error, metrics: metrics)
    }

    /// The report for people.
    public var text: String {
        let plan = header.plan
        let runs = points.reduce(0) { $0 + $1.runs }
        let failed = points.reduce(0) { $0 + $1.failed }
        var text =
            "\(TextTable.printable(header.model)), rules \(header.rulesVersion), master seed \(plan.masterSeed), "
        text += "\(plan.ticks) ticks: \(runs) runs" + (failed > 0 ? ", \(failed) failed" : "")
        text += isComplete ? "\n" : "; not every run of the plan was made\n"
        for point in points where point.error != nil {
            text += "point \(point.number) failed: \(TextTable.printable(point.error ?? ""))\n"
        }
        var table = TextTable(
            ["POINT"] + plan.axes.map(\.name) + ["TICK", "METRIC", "RUNS", "MEAN", "SD", "95 % FROM", "TO"])
        for point in points {
            let begin = [String(point.number)] + point.values.map { $0.stringValue ?? $0.text }
            for metric in point.metrics {
                let from = metric.halfInterval.map { metric.mean - $0 }
                let to = metric.halfInterval.map { metric.mean + $0 }
                table.add(
                    begin + [String(metric.tick), metric.name, String(metric.count)]
                        + [metric.mean, metric.sd, from, to].map(TextTable.number))
            }
        }
        return text + "\n" + table.text
    }

    /// The report for programs.
    public var json: JSON { (try? JSONCoder.encode(self)) ?? .null }
}
