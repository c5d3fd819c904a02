import Glibc
import Logging
import MeshBroker
import MeshCore
import ServiceLifecycle

/// Serves until it is told to stop, then says goodbye within ten seconds.
struct BrokerService: Service {
    let broker: Broker
    let settings: Settings
    let logger: Logger

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
        let port = try await server.start()
        try writeReadyFile(port: port, pin: server.tlsPin)
        var facts: Logger.Metadata = ["http": "\(address(port))", "version": "\(MeshVersion.text)"]
        if let pin = server.tlsPin { facts["pinned"] = "\(address(port, pin: pin))" }
        logger.info("serving", metadata: facts)
        // Waits for the signal; the stop itself is the same however the wait ends.
        try? await gracefulShutdown()
        logger.info("stopping")
        if let path = settings.readyFile { unlink(path) }
        await server.stop(withinSeconds: 5)
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
