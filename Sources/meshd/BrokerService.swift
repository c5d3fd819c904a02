import Glibc
import Logging
import MeshBroker
import MeshCore
import ServiceLifecycle
import UnixSignals

/// Serves until it is stopped, then shuts down within ten seconds.
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
        let writing = try writeReadyFile(port: port, pin: server.tlsPin)
        var facts: Logger.Metadata = ["http": "\(address(port))", "version": "\(MeshVersion.text)"]
        if let pin = server.tlsPin { facts["pinned"] = "\(address(port, pin: pin))" }
        logger.info("serving", metadata: facts)
        let reloads = Task { for await _ in hangups { reload(server) } }
        // Waits for the signal; the stop is the same however the wait ends.
        try? await gracefulShutdown()
        reloads.cancel()
        logger.info("stopping")
        writing?.cancel()
        if let path = settings.readyFile { unlink(path) }
        await server.stop(withinSeconds: 5)
    }

    /// Applies what can change while a broker serves: the certificate and the level of the log. Errors are logged, and
    /// the old values stay.
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

    /// The address it serves on; with a pin, an address that trusts only this certificate.
    private func address(_ port: Int, pin: String? = nil) -> String {
        (settings.tlsCertificate == nil ? "http://" : "https://") + (pin.map { $0 + "@" } ?? "")
            + "\(settings.host.contains(":") ? "[\(settings.host)]" : settings.host):\(port)"
    }

    /// Reports where the broker serves, in a file written whole or not at all. On a full disk it serves without, and
    /// retries until there is room; returns the task that does so.
    private func writeReadyFile(port: Int, pin: String?) throws(MeshError) -> Task<Void, Never>? {
        guard let path = settings.readyFile else { return nil }
        let http = address(port)
        var ready: JSONObject = [
            "http": .string(http), "ws": .string("ws" + http.dropFirst(4) + "/ws"), "pid": .integer(Int64(getpid())),
            "adminTokenFile": .string(broker.adminTokenFile),
        ]
        if let pin { ready["pinned"] = .string(address(port, pin: pin)) }
        let file = ReadyFile(path: path, bytes: JSON.object(ready).bytes() + [0x0A])
        do throws(Descriptor.Failure) {
            try file.write()
            return nil
        } catch {
            guard error.number == ENOSPC || error.number == EDQUOT else {
                throw MeshError(.storageFailed, "cannot write the ready file \(path): \(error.text)")
            }
        }
        logger.error(
            "the ready file cannot be written on a full disk: it is tried again", metadata: ["path": "\(path)"])
        return Task { [logger] in
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                do throws(Descriptor.Failure) {
                    try file.write()
                    return logger.notice("the ready file is written", metadata: ["path": "\(path)"])
                } catch { continue }
            }
        }
    }
}

/// The file that states where a broker serves.
private struct ReadyFile: Sendable {
    let path: String
    let bytes: [UInt8]

    /// Writes it under another name first. Fails with the system's error; then nothing of it is left.
    func write() throws(Descriptor.Failure) {
        let temporary = path + ".writing"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Descriptor.Failure(number: errno) }
        do throws(Descriptor.Failure) {
            do throws(Descriptor.Failure) { try Descriptor.write(bytes, to: file) } catch {
                close(file)
                throw error
            }
            guard close(file) == 0, rename(temporary, path) == 0 else { throw Descriptor.Failure(number: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
    }
}
