import MeshCore
import MeshSim

extension SimScenario {
    /// Plays a run for an observer; with a folder in the request, writes there what the scenario collects.
    static func record<Rules: Scenario>(
        _ play: inout LocalPlay<Rules>, _ request: RecordRequest, _ observer: RunObserver
    ) throws {
        let parameters = play.host.model.parameters
        let header = try SimRecording.Header(ScenarioModel<Rules>.self, parameters, seed: request.seed)
        func take(_ line: SimRecording.Tick) throws -> Bool {
            try observer.line(line)
            return !observer.isCancelled()
        }
        guard let folder = request.dataFolder else {
            try observer.begin(header)
            return try play.run(ticks: request.ticks, checkpointEvery: request.checkpointEvery, take: take)
        }
        guard let collector = try Rules.data(parameters) else { throw noData(Rules.name) }
        var sink = DataFolder(folder, format: .csv)
        // First: when the folder has tables already, no record is begun over an older one.
        try play.begin(&sink, for: collector)
        try observer.begin(header)
        try play.run(
            ticks: request.ticks, checkpointEvery: request.checkpointEvery, collecting: collector, into: &sink,
            take: take)
    }

    /// What is said when data is asked of a scenario that has none.
    static func noData(_ name: String) -> SimError {
        SimError("\(name) declares no data to collect; the tables of a recording come from report --data")
    }
}
