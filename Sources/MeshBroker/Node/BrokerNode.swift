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
        var isOpening = true
        var isStopping = false
    }

    package let authenticator: Authenticator
    package let table: CapabilityTable
    /// The HTTP paths of its requests.
    let resources: ResourceTable
    /// The OpenAPI document, as bytes, once somebody has asked for it: to make it takes 10 ms and some megabytes.
    let openAPI = Mutex<[UInt8]?>(nil)
    package let metrics = BrokerMetrics()
    package let limits: ConnectionLimits
    package let lines = MemberLines()
    package let memberConnections: MemberConnections
    package let startedAt: Int64
    let folder: NodeFolder
    let configuration: BrokerConfiguration
    let clock: NodeClock
    let logger: Logger
    /// Event loops for connections.
    package let ioGroup: MultiThreadedEventLoopGroup
    private let writerGroup: MultiThreadedEventLoopGroup
    /// The output queues of the loops for connections.
    private let posts: [ObjectIdentifier: LoopPost]
    private let registry = Mutex(Registry())
    /// Sessions seen over HTTP, by mesh and key.
    let knownSessions = Mutex<[String: SignedCall.Known]>([:])
    /// Log lines about refused peers.
    let refusals: RefusalLog
    /// Pages that were found damaged, by file.
    let damagedPages = Mutex<[String: Set<Int64>]>([:])
    /// Called when the disk can no longer be trusted.
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
        resources = ResourceTable(table)
        startedAt = clock.wallMillis()
        authenticator = Authenticator(
            audience: folder.nodeKey.publicKey,
            replays: ReplayCache(
                journal: try ReplayJournal(path: folder.path + "/replays", now: startedAt) { problem in
                    logger.warning("the journal of used signatures has a gap", metadata: ["error": "\(problem)"])
                }),
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
        memberConnections = MemberConnections(limit: configuration.connectionsPerMember)
        let threads = max(1, configuration.ioThreads ?? System.coreCount / 2)
        ioGroup = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        writerGroup = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 2))
        let ioGroup = ioGroup
        posts = Dictionary(
            uniqueKeysWithValues: ioGroup.makeIterator().map { [metrics] loop in
                (ObjectIdentifier(loop), LoopPost(loop, interrupted: { metrics.deliveriesInterrupted() }))
            })
        refusals = RefusalLog(logger: logger, monotonicMillis: clock.monotonicMillis) { delay, body in
            ioGroup.next().scheduleTask(in: .milliseconds(delay)) { body() }
        }
        folder.space.attach(
            .init(
                logger: logger, metrics: metrics, monotonicMillis: clock.monotonicMillis,
                later: { delay, body in
                    ioGroup.next().scheduleTask(in: .milliseconds(delay)) {
                        NIOThreadPool.singleton.submit { state in if case .active = state { body() } }
                    }
                },
                onRoom: { [weak self] in self?.roomAgain() }))
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
        registry.withLock { $0.isOpening = false }
        noteHealth()
    }

    private func noteHealth() { metrics.set("broker_db_healthy", registry.withLock { $0.failed.isEmpty } ? 1 : 0) }

    /// The disk has space again: postponed work resumes, and meshes that could not be opened for lack of it are opened.
    private func roomAgain() {
        let (meshes, failed) = registry.withLock { registry in
            (Array(registry.byID.values), registry.failed.filter { $0.value.code == .storageFull }.keys.sorted())
        }
        for mesh in meshes { mesh.sequencer.wake() }
        for file in failed {
            Task {
                do { _ = try await reopen(file) } catch {
                    logger.critical("a mesh is stopped", metadata: ["file": "\(file)", "error": "\(error)"])
                }
            }
        }
    }

    /// Records that a mesh is not served, and why.
    func failed(_ file: String, _ reason: MeshError) {
        logger.critical("a mesh is stopped", metadata: ["file": "\(file)", "error": "\(reason)"])
        registry.withLock { $0.failed[file] = reason }
        metrics.set("broker_db_healthy", 0)
        metrics.set("broker_meshes", Double(registry.withLock { $0.byID.count }))
    }

    /// Whether this handle still serves a mesh.
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

    /// Opens a file that replaced that of a closed mesh.
    func reopen(_ file: String) async throws -> MeshHandle {
        defer { noteHealth() }
        damagedPages.withLock { $0[file] = nil }
        do {
            let handle = try await open(file)
            registry.withLock { _ = $0.failed.removeValue(forKey: file) }
            return handle
        } catch {
            registry.withLock { $0.failed[file] = MeshError(storing: error) }
            throw error
        }
    }

    /// Closes a mesh, so that its file can be replaced. Its connections are told to reconnect: none may continue with
    /// what it knows of the old one.
    func close(meshID: String, file: String) async {
        let (mesh, connections) = registry.withLock { registry in
            let mesh = registry.byID.removeValue(forKey: meshID)
            if let mesh { registry.bySlug[mesh.facts.slug] = nil }
            // Until it is opened again its members get the error that it is stopped, not that they are strangers.
            registry.failed[file] = MeshError(.meshStopped, "the mesh is being replaced by a backup")
            return (mesh, Array(registry.connections.values))
        }
        for connection in connections { connection.loop.execute { connection.close(.goingAway, ifIn: meshID) } }
        await mesh?.sequencer.close()
        knownSessions.withLock { $0.removeAll() }
        metrics.set("broker_meshes", Double(registry.withLock { $0.byID.count }))
    }

    /// Drops a closed mesh whose file was removed: from now on it is unknown here.
    func forget(file: String) {
        registry.withLock { _ = $0.failed.removeValue(forKey: file) }
        damagedPages.withLock { $0[file] = nil }
        noteHealth()
    }

    /// Creates a mesh and opens it. Fails with `exists` when its name or id is taken. Returns the owner's member id.
    package func create(_ body: CreateMeshBody) async throws(MeshError) -> (facts: MeshFacts, memberID: String) {
        guard !Authenticator.isSkewed(body.timestamp, at: clock.wallMillis()) else {
            throw MeshError(.timestampSkew, "the creation's time is more than 60 s away from the broker's")
        }
        var generator = SystemRandomNumberGenerator()
        let genesis = Genesis(
            body: body, node: nodeKey.publicKey, allowsPlaintext: body.allowPlaintext ?? false,
            now: clock.wallMillis(), entropy: Entropy(&generator))
        try genesis.check()
        // An owner whose answer was lost asks again, with the same keys, and gets the same answer.
        if let known = registry.withLock({ $0.byID[body.meshId] }), known.facts.slug == body.slug,
            known.facts.owner == body.owner
        {
            do {
                let owner = try await known.sequencer.askWriter { $0.engine.state.roster.member(key: body.owner)?.id }
                if let owner { return (known.facts, owner) }
            } catch {
                throw MeshError(storing: error)
            }
        }
        guard folder.space.level == .ok else {
            throw MeshError(
                .storageFull, "the broker's disk is full: no mesh was made", hint: "free space on the broker's disk")
        }
        let isTaken = registry.withLock { $0.bySlug[body.slug] != nil || $0.byID[body.meshId] != nil }
        if isTaken || isNameOfStopped(body.slug) {
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
        if let found { return found }
        throw stopped(name) ?? MeshError(.meshNotFound, "this broker has no mesh \(name.prefix(64))")
    }

    /// An open mesh by id or name, for callers that may not learn which meshes exist. A stopped one is reported as
    /// such; one that is not here is answered with `unknown`.
    func handle(_ name: String, unknown: () -> MeshError) throws(MeshError) -> MeshHandle {
        do throws(MeshError) { return try handle(name) } catch { throw error.code == .meshNotFound ? unknown() : error }
    }

    /// The error for a mesh that is not open but may exist: `mesh_stopped`. A file that was not opened is known only by
    /// the id in its name; while there is one, no other name can be reported as unknown. Nil when there is no such
    /// mesh.
    package func stopped(_ name: String) -> MeshError? {
        let ids = registry.withLock { $0.failed.keys.map(NodeFolder.meshID(ofFile:)) }
        let hint = "try again later, or ask who runs the broker: its log says why"
        if ids.contains(name) { return MeshError(.meshStopped, "this mesh is stopped on its broker", hint: hint) }
        guard ids.contains(where: { !NodeFolder.isMeshID($0) }) || !ids.isEmpty && !NodeFolder.isMeshID(name) else {
            return nil
        }
        return MeshError(
            .meshStopped, "the broker cannot tell whether it has this mesh: one of its meshes is stopped", hint: hint)
    }

    /// Why a write would fail now, as text for readiness checks; empty when it would not.
    package func obstacles() -> [String] {
        let (isOpening, isStopping, hasFailed) = registry.withLock { ($0.isOpening, $0.isStopping, !$0.failed.isEmpty) }
        return [
            isOpening ? "starting" : nil, isStopping ? "stopping" : nil, hasFailed ? "mesh_stopped" : nil,
            folder.space.wouldTakeWrite() ? nil : "disk_full",
        ].compactMap { $0 }
    }

    /// The open meshes, by name.
    package func meshes() -> [MeshFacts] {
        registry.withLock { $0.byID.values.map(\.facts) }.sorted { $0.slug < $1.slug }
    }

    /// Whether a mesh that could not be opened has this name, as far as its file is still readable.
    private func isNameOfStopped(_ slug: String) -> Bool {
        failures().keys.contains { file in
            guard let database = try? Database(path: file, mode: .readOnly) else { return false }
            defer { database.close() }
            return (try? MetaTable(database).text("mesh.slug")) == slug
        }
    }

    /// Meshes that could not be opened, by file.
    func failures() -> [String: MeshError] { registry.withLock { $0.failed } }

    // MARK: Connections

    package func nowMillis() -> Int64 { clock.wallMillis() }

    package func refused(hello error: MeshError, key: String?, from address: String) {
        refusals.note(.hello, error.code, from: address, key: key)
    }

    package func post(of loop: any EventLoop) -> LoopPost { posts[ObjectIdentifier(loop)] ?? LoopPost(loop) }

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

    /// Closes every connection cleanly, finishes submitted work, closes every file.
    package func shutdown() async {
        let connections = registry.withLock { registry in
            registry.isStopping = true
            return Array(registry.connections.values)
        }
        folder.space.detach()
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
            onFatal: onFatal, space: folder.space.gauge, logger: logger, metrics: metrics)
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

/// The node's clocks: injected, so that tests control the time.
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
