import MeshSimModels

/// Whether PPHPC does what was published: ten runs of parameter set 1 on 400 x 400, six outputs at three iterations, each
/// mean within three pooled standard deviations of the envelope of the two reference implementations; and two models that
/// are not PPHPC, one without shuffling, one with a restart of 9, outside.
enum PPHPCGate {
    /// Mean and standard deviation over ten runs of NetLogo and of Java (Fachada et al. 2015, published raw data).
    private static let published: [Int64: [(name: String, netLogo: (Double, Double), java: (Double, Double))]] = [
        10: [
            ("sheep", (5_255, 48), (5_277, 58)), ("wolves", (3_395, 36), (3_433, 43)),
            ("grown", (137_137, 218), (137_042, 167)), ("sheepEnergy", (11.50, 0.09), (11.52, 0.11)),
            ("wolfEnergy", (13.66, 0.25), (13.60, 0.19)), ("countdown", (0.77, 0.01), (0.77, 0.01)),
        ],
        50: [
            ("sheep", (12_516, 203), (12_546, 173)), ("wolves", (562, 38), (581, 40)),
            ("grown", (117_842, 541), (117_718, 606)), ("sheepEnergy", (19.22, 0.21), (19.25, 0.10)),
            ("wolfEnergy", (17.13, 0.70), (17.18, 0.73)), ("countdown", (1.49, 0.02), (1.50, 0.02)),
        ],
        100: [
            ("sheep", (31_794, 293), (32_034, 402)), ("wolves", (522, 57), (522, 67)),
            ("grown", (74_820, 517), (74_478, 751)), ("sheepEnergy", (15.83, 0.11), (15.79, 0.13)),
            ("wolfEnergy", (28.17, 1.53), (28.89, 2.06)), ("countdown", (2.96, 0.01), (2.97, 0.03)),
        ],
    ]
    private static let seeds: [UInt64] = Array(1...10)

    /// Prints a table; true when the model passes and both controls fail.
    static func run() -> Bool {
        let model = PPHPC.Parameters.set(1, side: 400)
        var unshuffled = model
        unshuffled.shuffles = false
        var early = model
        early.restart = 9
        let passes = judge("pphpc", model, prints: true)
        let rejectsUnshuffled = !judge("without shuffling", unshuffled, prints: false)
        let rejectsEarly = !judge("restart 9", early, prints: false)
        print("pphpc: \(passes ? "within the published statistics" : "OUTSIDE the published statistics")")
        print("without shuffling: \(rejectsUnshuffled ? "rejected, as it must be" : "NOT REJECTED")")
        print("restart 9 instead of 10: \(rejectsEarly ? "rejected, as it must be" : "NOT REJECTED")")
        return passes && rejectsUnshuffled && rejectsEarly
    }

    private static func judge(_ name: String, _ parameters: PPHPC.Parameters, prints: Bool) -> Bool {
        var values: [Int64: [[Double]]] = [:]
        for seed in seeds {
            var model = PPHPC(parameters, seed: seed)
            while model.tick < 100 {
                model.step()
                if published[model.tick] != nil {
                    values[model.tick, default: []].append(model.metrics.map(\.value))
                }
            }
        }
        var passes = true
        for (tick, rows) in values.sorted(by: { $0.key < $1.key }) {
            for (place, row) in (published[tick] ?? []).enumerated() {
                let ours = rows.map { $0[place] }
                let mean = ours.reduce(0, +) / Double(ours.count)
                let deviation = (ours.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(ours.count - 1))
                    .squareRoot()
                let pooled =
                    ((deviation * deviation + row.netLogo.1 * row.netLogo.1 + row.java.1 * row.java.1) / 3).squareRoot()
                let (low, high) = (min(row.netLogo.0, row.java.0), max(row.netLogo.0, row.java.0))
                let isInside = mean >= low - 3 * pooled && mean <= high + 3 * pooled
                if !isInside { passes = false }
                if prints {
                    print(
                        "\(tick)\t\(row.name)\t\(text(mean)) ± \(text(deviation))\tpublished \(text(low)) to \(text(high))\t\(isInside ? "ok" : "OUTSIDE")"
                    )
                }
            }
        }
        return passes
    }

    private static func text(_ value: Double) -> String { String((value * 100).rounded() / 100) }
}
