import MeshCore

extension LocalPlay {
    /// Begins a sink with what the run is made from and a collector's tables. Fails as the sink does, and with `wrongColumns`
    /// when the scenario has not what is collected.
    public func begin<Sink: DataSink>(_ sink: inout Sink, for collector: DataCollector) throws {
        let model = host.model
        try collector.check(against: model.world.schema)
        let header = DataHeader(
            name: Rules.name, seed: host.seed, parameters: try JSONCoder.encode(model.parameters),
            notes: [.init("rulesVersion", String(Rules.rulesVersion))])
        try sink.begin(header, collector.shapes)
    }

    /// Plays a run as `run` does, and collects from the world after each tick into a sink that has begun; a tick is collected
    /// before its line is given. What was collected is kept when the run fails.
    public mutating func run<Sink: DataSink>(
        ticks: Int64, checkpointEvery: Int64 = 0, collecting collector: DataCollector, into sink: inout Sink,
        take: (SimRecording.Tick) throws -> Bool
    ) throws {
        do {
            var line: SimRecording.Tick = try begin()
            while true {
                try collector.collect(host.model.world, tick: line.tick, into: &sink)
                guard try take(line), line.tick < ticks else { break }
                let isCheckpoint = checkpointEvery > 0 && (line.tick + 1) % checkpointEvery == 0
                line = try step(checkpoint: isCheckpoint).line
            }
        } catch {
            // The first failure is the one to tell of.
            try? sink.finish()
            throw error
        }
        try sink.finish()
    }
}
