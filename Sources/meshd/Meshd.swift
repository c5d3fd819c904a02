import Glibc
import Logging
import MeshBroker
import MeshCore
import ServiceLifecycle
import UnixSignals

/// The broker as a program: settings, a service, signals.
@main struct Meshd {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.contains("--help") || arguments.contains("-h") { return print(Settings.usage) }
        if arguments.contains("--version") { return print("meshd \(MeshVersion.description)") }
        let isCheck = arguments.first == "check"
        // The values given at the start; the configuration file may change later.
        let reread: @Sendable () throws(MeshError) -> Settings = { () throws(MeshError) in
            try Settings.read(
                arguments: isCheck ? Array(arguments.dropFirst()) : arguments, environment: environment(), file: read)
        }
        do {
            if isCheck { exit(try check(reread().data)) }
            try await run(try reread(), reread)
        } catch let error as MeshError {
            fail(error)
        } catch {
            fail(MeshError(.internalError, "\(error)"))
        }
    }

    private static func run(
        _ settings: Settings, _ reread: @escaping @Sendable () throws(MeshError) -> Settings
    ) async throws {
        // The log's reader may go away: a line that cannot be written is lost, and nothing else.
        signal(SIGPIPE, SIG_IGN)
        LogThreshold.level = Logger.Level(rawValue: settings.logLevel) ?? .info
        LoggingSystem.bootstrap { JSONLogHandler(label: $0) }
        let logger = Logger(label: "meshd")
        // From here on it ends nothing.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        try checkAddress(settings, logger)
        let broker = try await Broker(configuration: settings.broker, logger: logger) { reason in
            // The disk may not hold what was acknowledged: end now, recover at the next start.
            logger.critical("ending: the disk failed", metadata: ["error": "\(reason)"])
            exit(70)
        }
        let service = BrokerService(
            broker: broker, settings: settings, logger: logger, hangups: hangups, reread: reread)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    /// Prints the state of the meshes of a folder. Returns the exit status: 1 when one is damaged.
    private static func check(_ folder: String) throws(MeshError) -> Int32 {
        let findings = try FolderCheck.run(dataFolder: folder)
        for finding in findings {
            let mesh = finding.mesh ?? "?"
            if finding.faults.isEmpty {
                print("\(mesh): sound: \(finding.note)")
            } else {
                print("\(mesh): damaged: \(finding.file)")
                for fault in finding.faults { print("  \(fault)") }
            }
        }
        if findings.isEmpty { print("\(folder) holds no mesh") }
        return findings.contains { !$0.faults.isEmpty } ? 1 : 0
    }

    private static func checkAddress(_ settings: Settings, _ logger: Logger) throws(MeshError) {
        if settings.server.isThisMachineOnly { return }
        if settings.tlsCertificate != nil { return }
        guard settings.insecurePlaintext else {
            throw MeshError(
                .invalidArgument, "\(settings.host) can be reached from other machines, and this broker has no TLS",
                hint: "give --tls-certificate and --tls-key, or listen on 127.0.0.1, or say --insecure-plaintext")
        }
        logger.warning("serving other machines without TLS", metadata: ["host": "\(settings.host)"])
    }

    private static func environment() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            let text = String(cString: pointer)
            if let mark = text.firstIndex(of: "=") {
                result[String(text[..<mark])] = String(text[text.index(after: mark)...])
            }
            entry += 1
        }
        return result
    }

    private static func read(_ path: String) throws(MeshError) -> [UInt8] {
        guard let file = fopen(path, "r") else {
            throw MeshError(
                .notFound, "the configuration file \(path) cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var status = stat()
        if fstat(fileno(file), &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw MeshError(
                .invalidArgument, "--config \(path) is a folder, not a file", hint: "name a file with one JSON object")
        }
        let limit = 1 << 20
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else {
            throw MeshError(.storageFailed, "the configuration file \(path) cannot be read")
        }
        guard count <= limit else {
            throw MeshError(.invalidArgument, "the configuration file \(path) has more than 1 MiB")
        }
        return Array(bytes[0..<count])
    }

    private static func fail(_ error: MeshError) -> Never {
        let hint = error.hint.map { "\n  try: \($0)" } ?? ""
        let text = Array("meshd: \(error.message)\(hint)\n".utf8)
        _ = text.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(error.code == .invalidArgument ? 3 : error.code == .busy ? 6 : 10)
    }
}

extension Settings {
    /// The settings for the broker.
    var broker: BrokerConfiguration {
        var configuration = BrokerConfiguration(dataFolder: data)
        configuration.ioThreads = ioThreads
        configuration.pingSeconds = Int64(pingSeconds)
        configuration.silenceSeconds = Int64(silenceSeconds)
        configuration.connectionsPerMember = max(16, maximumConnections / 4)
        configuration.remoteSendsPerSecond = sendsPerSecond == 0 ? nil : sendsPerSecond
        configuration.remoteSendBurst = sendBurst
        configuration.recordFolder = recordCommands
        return configuration
    }

    /// The settings for the server.
    var server: BrokerServer.Configuration {
        var configuration = BrokerServer.Configuration()
        configuration.host = host
        configuration.port = port
        configuration.maximumConnections = maximumConnections
        configuration.allowedHosts = allowedHosts
        configuration.allowedOrigins = allowedOrigins
        configuration.tlsCertificate = tlsCertificate
        configuration.tlsKey = tlsKey
        return configuration
    }
}
