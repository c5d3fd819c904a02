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
        do {
            try await run(try Settings.read(arguments: arguments, environment: environment(), file: read))
        } catch let error as MeshError {
            fail(error)
        } catch {
            fail(MeshError(.internalError, "\(error)"))
        }
    }

    private static func run(_ settings: Settings) async throws {
        // Whoever reads the log may go away: a line that cannot be written is lost, and nothing else.
        signal(SIGPIPE, SIG_IGN)
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, level: level) }
        let logger = Logger(label: "meshd")
        try checkAddress(settings, logger)
        let broker = try await Broker(configuration: settings.broker, logger: logger) { reason in
            // What is on disk cannot be trusted to be what was acknowledged: end now, recover at the next start.
            logger.critical("ending: the disk failed", metadata: ["error": "\(reason)"])
            exit(70)
        }
        let service = BrokerService(broker: broker, settings: settings, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private static func checkAddress(_ settings: Settings, _ logger: Logger) throws(MeshError) {
        if settings.host == "127.0.0.1" || settings.host == "::1" || settings.host == "localhost" { return }
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
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
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
    /// What the broker needs of the settings.
    var broker: BrokerConfiguration {
        var configuration = BrokerConfiguration(dataFolder: data)
        configuration.ioThreads = ioThreads
        configuration.pingSeconds = Int64(pingSeconds)
        configuration.silenceSeconds = Int64(silenceSeconds)
        configuration.remoteSendsPerSecond = sendsPerSecond == 0 ? nil : sendsPerSecond
        configuration.remoteSendBurst = sendBurst
        configuration.recordFolder = recordCommands
        return configuration
    }

    /// What the server needs of the settings.
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
