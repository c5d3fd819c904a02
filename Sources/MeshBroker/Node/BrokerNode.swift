package import Logging
package import MeshCore
package import MeshEngine
package import MeshStore
package import NIOCore
package import NIOPosix
import Synchronization

/// One node: its folder, its meshes, its connections.
package final class BrokerNode: ConnectionHost, Sendable {
    private struct Registry {
        var byID: [String: MeshHandle] = [:]
        var bySlug: [String: String] = [:]
        var failed: [String: MeshError] = [:]
        var connections: [UInt64: PeerConnection] = [:]
        var nextConnection: UInt64 = 1
        var isStopping = false
    }

    package let authenticator: Authenticator
    package let table: CapabilityTable
    package let metrics = BrokerMetrics()
    package let limits: ConnectionLimits
    package let startedAt: Int64
    let folder: NodeFolder
    let configuration: BrokerConfiguration
    let clock: NodeClock
    let logger: Logger
    /// Loops for connections.
    package let ioGroup: MultiThreadedEventLoopGroup
    private let writerGroup: MultiThreadedEventLoopGroup
    private let registry = Mutex(Registry())
    /// Sessions that were seen over HTTP, by mesh and key.
    let knownSessions = Mutex<[String: SessionNumber]>([:])
    /// Pages that were found damaged, by file.
    let damagedPages = Mutex<[String: Set<Int64>]>([:])
    /// Told when the disk cannot be trusted any more.
    let onFatal: @Sendable (StoreError) -> Void

    package var nodeKey: SigningKey { folder.nodeKey }

    package init(
        configuration: BrokerConfiguration, logger: Logger, clock: NodeClock = .system,
        onFatal: @escaping @Sendable (StoreError) -> Void
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
        self.onFatal = onFatal
        folder = try NodeFolder(path: configuration.dataFolder)
        table = Capabilities.table
        startedAt = clock.wallMillis()
        authenticator = Authenticator(
            audience: folder.nodeKey.publicKey,
            replays: ReplayCache(journal: try ReplayJournal(path: folder.path + "/replays", now: startedAt)),
            limits: .init(
                frameBytes: JSONLimits.frame.maxBytes, bodyBytes: DeliveryPolicy.maximumBodyBytes,
                window: DeliveryPolicy.window))
        var limits = ConnectionLimits()
        limits.unansweredRequests = configuration.unansweredRequests
        limits.pingSeconds = configuration.pingSeconds
        limits.silenceSeconds = configuration.silenceSeconds
        limits.sendsPerSecond = configuration.remoteSendsPerSecond
        limits.sendBurst = configuration.remoteSendBurst
        self.limits = limits
        let threads = max(1, configuration.ioThreads ?? System.coreCount / 2)
        ioGroup = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        writerGroup = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 2))
    }

    // MARK: Meshes

    /// Opens every mesh of the folder. One that cannot be read is stopped with a named error; the others serve.
    package func openMeshes() async throws {
        for file in try folder.meshFiles() {
            do {
                let handle = try await open(file)
                if folder.wasUnclean { checkBehind(file, handle) }
            } catch {
                failed(file, MeshError(storing: error))
            }
        }
        metrics.set("broker_db_healthy", registry.withLock { $0.failed.isEmpty } ? 1 : 0)
    }

    /// Notes that a mesh is not served, and why.
    func failed(_ file: String, _ reason: MeshError) {
        logger.critical("a mesh is stopped", metadata: ["file": "\(file)", "error": "\(reason)"])
        registry.withLock { $0.failed[file] = reason }
        metrics.set("broker_db_healthy", 0)
        metrics.set("broker_meshes", Double(registry.withLock { $0.byID.count }))
    }

    /// Whether a mesh is served by this handle still.
    func isOpen(_ handle: MeshHandle) -> Bool {
        registry.withLock { !$0.isStopping && $0.byID[handle.facts.id]?.sequencer === handle.sequencer }
    }

    private func open(_ file: String) async throws -> MeshHandle {
        let folder = folder
        let handle = try await MeshHandle.open(
            file: file, loop: writerGroup.next(), environment: environment(for: file),
            remembered: { try folder.checkpoint(of: $0) })
        let clash: String? = registry.withLock { registry in
            if let other = registry.bySlug[handle.facts.slug] { return other }
            registry.byID[handle.facts.id] = handle
            registry.bySlug[handle.facts.slug] = handle.facts.id
            return nil
        }
        if let clash {
            await handle.sequencer.close()
            throw MeshError(
                .exists, "two files hold a mesh called \(handle.facts.slug): \(folder.meshFile(clash)) and \(file)",
                hint: "move one of them away")
        }
        metrics.set("broker_meshes", Double(registry.withLock { $0.byID.count }))
        logger.info("a mesh is open", metadata: ["mesh": "\(handle.facts.slug)", "id": "\(handle.facts.id)"])
        scrub(handle, file)
        return handle
    }

    /// Opens a file that was put in the place of a closed one.
    func reopen(_ file: String) async throws -> MeshHandle {
        registry.withLock { _ = $0.failed.removeValue(forKey: file) }
        damagedPages.withLock { $0[file] = nil }
        let handle = try await open(file)
        metrics.set("broker_db_healthy", registry.withLock { $0.failed.isEmpty } ? 1 : 0)
        return handle
    }

    /// Closes a mesh, so that its file can be replaced. Its connections are told to come again: none may go on with what it
    /// knows of the old one.
    func close(meshID: String, file: String) async {
        let (mesh, connections) = registry.withLock { registry in
            let mesh = registry.byID.removeValue(forKey: meshID)
            if let mesh { registry.bySlug[mesh.facts.slug] = nil }
            registry.failed[file] = nil
            return (mesh, Array(registry.connections.values))
        }
        for connection in connections { connection.loop.execute { connection.close(.goingAway, ifIn: meshID) } }
        await mesh?.sequencer.close()
        knownSessions.withLock { $0.removeAll() }
    }

    /// Makes a mesh and opens it. Fails with `exists` when its name or id is taken. Returns the owner's member id.
    package func create(_ body: CreateMeshBody) async throws(MeshError) -> (facts: MeshFacts, memberID: String) {
        guard !Authenticator.isSkewed(body.timestamp, at: clock.wallMillis()) else {
            throw MeshError(.timestampSkew, "the creation's time is more than 60 s away from the broker's")
        }
        var generator = SystemRandomNumberGenerator()
        let genesis = Genesis(
            body: body, node: nodeKey.publicKey, allowsPlaintext: body.allowPlaintext ?? false,
            now: clock.wallMillis(), entropy: Entropy(&generator))
        try genesis.check()
        let isTaken = registry.withLock { $0.bySlug[body.slug] != nil || $0.byID[body.meshId] != nil }
        if isTaken {
            throw MeshError(.exists, "a mesh called \(body.slug) exists on this broker", hint: "choose another name")
        }
        let file = folder.meshFile(body.meshId)
        do {
            let table = table
            let memberID = try await writerGroup.next().submit {
                var memberID = ""
                try FileCreation.createAtomically(file) { memberID = try genesis.write(to: $0, table: table) }
                return memberID
            }.get()
            return (try await open(file).facts, memberID)
        } catch {
            throw MeshError(storing: error)
        }
    }

    /// An open mesh by id or name. Fails with `mesh_not_found`.
    package func mesh(_ name: String) throws(MeshError) -> MeshFacts { try handle(name).facts }

    func handle(_ name: String) throws(MeshError) -> MeshHandle {
        let found = registry.withLock { registry in
            registry.byID[name] ?? registry.bySlug[name].flatMap { registry.byID[$0] }
        }
        guard let found else { throw MeshError(.meshNotFound, "this broker has no mesh \(name.prefix(64))") }
        return found
    }

    /// The open meshes, by name.
    package func meshes() -> [MeshFacts] {
        registry.withLock { $0.byID.values.map(\.facts) }.sorted { $0.slug < $1.slug }
    }

    /// Meshes that could not be opened, by file.
    func failures() -> [String: MeshError] { registry.withLock { $0.failed } }

    // MARK: Connections

    package func nowMillis() -> Int64 { clock.wallMillis() }

    package func sequencer(of meshID: String) -> (any Sequencer)? { registry.withLock { $0.byID[meshID]?.sequencer } }

    package func forget(_ connection: ConnectionID, meshID: String) {
        guard let sequencer = registry.withLock({ $0.byID[meshID]?.sequencer }) else { return }
        sequencer.onWriter { $0.forget(connection) }
    }

    package func ended(_ connection: PeerConnection) {
        registry.withLock { _ = $0.connections.removeValue(forKey: connection.id.rawValue) }
    }

    /// Makes a connection over a sink; must be called on the loop.
    package func connect(_ sink: any FrameSink, on loop: any EventLoop) -> PeerConnection {
        let id = registry.withLock { registry in
            defer { registry.nextConnection += 1 }
            return ConnectionID(rawValue: registry.nextConnection)
        }
        let connection = PeerConnection(id: id, loop: loop, sink: sink, node: self)
        let isStopping = registry.withLock { registry in
            registry.connections[id.rawValue] = connection
            return registry.isStopping
        }
        if isStopping { connection.close(.goingAway) }
        return connection
    }

    /// Runs something on one of the loops that serve connections; nil once the node stops, when no loop would answer.
    package func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (any EventLoop) throws -> Value
    ) -> EventLoopFuture<Value>? {
        let loop = ioGroup.next()
        // Under the lock: what is submitted here is ahead of the stop, which finishes it.
        return registry.withLock { registry in registry.isStopping ? nil : loop.submit { try body(loop) } }
    }

    // MARK: The end

    /// Says goodbye to every connection, finishes what was submitted, closes every file.
    package func shutdown() async {
        let connections = registry.withLock { registry in
            registry.isStopping = true
            return Array(registry.connections.values)
        }
        for connection in connections { connection.loop.execute { connection.close(.goingAway) } }
        for mesh in registry.withLock({ Array($0.byID.values) }) { await mesh.sequencer.close() }
        folder.stoppedCleanly()
        // The loops have nothing left to do; that one cannot be stopped is no reason to report a failed stop.
        try? await ioGroup.shutdownGracefully()
        try? await writerGroup.shutdownGracefully()
    }

    private func environment(for file: String) -> WriterEnvironment {
        let (folder, logger, clock) = (folder, logger, clock)
        let loop = writerGroup.next()
        let meshID = String(file.split(separator: "/").last?.dropLast(".sqlite".count) ?? "")
        var environment = WriterEnvironment(
            wallMillis: clock.wallMillis, monotonicMillis: clock.monotonicMillis,
            schedule: { delay, body in loop.scheduleTask(in: .milliseconds(delay)) { body() } },
            signer: { try folder.logKeys.signer($0) },
            keepCheckpoint: { note in
                do { try folder.keep(checkpoint: note, of: meshID) } catch {
                    logger.warning("the checkpoint could not be kept", metadata: ["error": "\(error)"])
                }
            },
            onFatal: onFatal, releaseReserve: { folder.reserve.release() }, refillReserve: { folder.reserve.fill() },
            logger: logger, metrics: metrics)
        environment.onDamage = { [weak self] reason in
            guard let self, let handle = try? handle(meshID) else { return }
            stop(handle, file, because: reason)
        }
        if let recordFolder = configuration.recordFolder {
            environment.record =
                CommandRecorder(path: "\(recordFolder)/\(meshID).commands.jsonl", logger: logger).record
        }
        return environment
    }
}

/// The node's clocks: injected, so that tests own the time.
package struct NodeClock: Sendable {
    /// Unix milliseconds.
    package var wallMillis: @Sendable () -> Int64
    /// Milliseconds that only grow.
    package var monotonicMillis: @Sendable () -> Int64

    package init(wallMillis: @escaping @Sendable () -> Int64, monotonicMillis: @escaping @Sendable () -> Int64) {
        self.wallMillis = wallMillis
        self.monotonicMillis = monotonicMillis
    }

    /// The machine's clocks.
    package static let system = NodeClock(
        wallMillis: { SystemTime.wallMillis() },
        monotonicMillis: { SystemTime.monotonicMillis() })
}
