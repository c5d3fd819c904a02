import Glibc
import Logging
import MeshBroker
import MeshCore
import ServiceLifecycle
import UnixSignals

/// Serves until it is told to stop, then says goodbye within ten seconds.
struct BrokerService: Service {
    let broker: Broker
    let settings: Settings
    let logger: Logger
    /// SIGHUP.
    let hangups: UnixSignalsSequence
    /// Reads the settings again.
    let reread: @Sendable () throws(MeshError) -> Settings

    func run() async throws {
        do {
            let server = try BrokerServer(broker: broker, configuration: settings.server)
            try await serve(server)
        } catch {
            await broker.shutdown()
            throw error
        }
        await broker.shutdown()
        logger.info("stopped", metadata: ["reason": "signal"])
    }

    private func serve(_ server: BrokerServer) async throws {
        let port: Int
        do throws(MeshError) { port = try await server.start() } catch {
            var error = error
            error.hint = error.hint.map { "\($0) (--listen HOST:PORT)" }
            throw error
        }
        try writeReadyFile(port: port, pin: server.tlsPin)
        var facts: Logger.Metadata = ["http": "\(address(port))", "version": "\(MeshVersion.text)"]
        if let pin = server.tlsPin { facts["pinned"] = "\(address(port, pin: pin))" }
        logger.info("serving", metadata: facts)
        let reloads = Task { for await _ in hangups { reload(server) } }
        // Waits for the signal; the stop itself is the same however the wait ends.
        try? await gracefulShutdown()
        reloads.cancel()
        logger.info("stopping")
        if let path = settings.readyFile { unlink(path) }
        await server.stop(withinSeconds: 5)
    }

    /// Takes over what can change while a broker serves: the certificate and the level of the log. What is wrong is logged, and
    /// the old goes on.
    private func reload(_ server: BrokerServer) {
        do {
            let now = try reread()
            LogThreshold.level = Logger.Level(rawValue: now.logLevel) ?? .info
            try server.reloadCertificate()
            let waiting = now.changes(from: settings).filter { $0 != "logLevel" }
            logger.notice(
                "the configuration was read again",
                metadata: ["logLevel": "\(now.logLevel)", "needsRestart": "\(waiting.joined(separator: " "))"])
        } catch {
            logger.error("the configuration cannot be used; the old one goes on", metadata: ["error": "\(error)"])
        }
    }

    /// Where it serves; with a pin the address that trusts this certificate alone.
    private func address(_ port: Int, pin: String? = nil) -> String {
        (settings.tlsCertificate == nil ? "http://" : "https://") + (pin.map { $0 + "@" } ?? "")
            + "\(settings.host.contains(":") ? "[\(settings.host)]" : settings.host):\(port)"
    }

    /// Tells whoever started the broker where it serves: whole or not at all.
    private func writeReadyFile(port: Int, pin: String?) throws(MeshError) {
        guard let path = settings.readyFile else { return }
        let http = address(port)
        var ready: JSONObject = [
            "http": .string(http), "ws": .string("ws" + http.dropFirst(4) + "/ws"), "pid": .integer(Int64(getpid())),
            "adminTokenFile": .string(broker.adminTokenFile),
        ]
        if let pin { ready["pinned"] = .string(address(port, pin: pin)) }
        let temporary = path + ".writing"
        guard let file = fopen(temporary, "w") else {
            throw MeshError(.storageFailed, "cannot write the ready file \(path): \(String(cString: strerror(errno)))")
        }
        let bytes = JSON.object(ready).bytes() + [0x0A]
        let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        guard fclose(file) == 0, written == bytes.count, rename(temporary, path) == 0 else {
            throw MeshError(.storageFailed, "cannot write the ready file \(path): \(String(cString: strerror(errno)))")
        }
    }
}
