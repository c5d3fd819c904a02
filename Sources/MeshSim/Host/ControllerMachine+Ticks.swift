import MeshCore

/// Runs ticks and sends their results.
extension ControllerMachine {
    /// Proceeds as far as possible without more input.
    mutating func drive(now: Int64) -> [Output] {
        var outputs: [Output] = []
        nextWake = nil
        do {
            // Bounded, so that a run without a barrier lets its host process input.
            for _ in 0..<settings.ticksAtOnce {
                if isEnded { return outputs }
                // A stop does not wait for seats: the open tick is never sealed.
                if let stopReason { return outputs + finish(stopReason) }
                if !host.collector.isOpen {
                    if let ticks = settings.ticks, host.tick >= ticks {
                        return outputs + finish("the scenario's last tick")
                    }
                    guard try beginTick(now, &outputs) else { return outputs }
                }
                guard !pacer.waitsForBarrier(host.collector.tick) || host.collector.isReady(now: now) else {
                    nextWake = host.collector.nextDeadline
                    return outputs
                }
                try sealTick(now, &outputs)
            }
            nextWake = now
        } catch {
            outputs.append(.fault("\(error)"))
            outputs += finish("\(error)", isFailure: true)
        }
        return outputs
    }

    mutating func beginTick(_ now: Int64, _ outputs: inout [Output]) throws -> Bool {
        let tick = host.collector.tick
        if settings.followsClock, tick > clockTicks { return false }
        if host.tick == 0, holders.count < settings.minimumSeats { return false }
        guard inputs.values(for: tick) != nil else { return false }
        switch try pacer.begin(tick, now: now) {
        case .paused: return false
        case .at(let time):
            nextWake = time
            return false
        case .now(let lag):
            if lag > 0 { overruns = (overruns.count + 1, max(overruns.maximumLagMillis, lag)) }
        }
        try host.open(now: now)
        for seat in host.collector.seats.current.map(\.name) where holders[seat]?.isGone == true {
            host.fail(seat, reason: "its connection was lost")
        }
        let deadline = host.collector.rules.barrier.deadlineMillis
        if !holders.isEmpty {
            for observation in host.observations(of: { holders[$0] != nil }, deadlineMillis: deadline) {
                guard let holder = holders[observation.seat], !holder.isGone else { continue }
                outputs.append(.send(.observation(observation), to: holder.address))
            }
        }
        let (held, vacant) = (holders, vacant)
        host.act(agents, seed: settings.agentSeed, now: now) { held[$0] != nil || vacant[$0] != nil }
        return true
    }

    mutating func sealTick(_ now: Int64, _ outputs: inout [Output]) throws {
        let tick = host.collector.tick
        let isCheckpoint = settings.checkpointEvery > 0 && tick % settings.checkpointEvery == 0
        let sealed = try host.seal(now: now, imports: inputs.values(for: tick) ?? [], checkpoint: isCheckpoint)
        inputs.forget(before: tick)
        var line = sealed.line
        if line.seats != nil { line.holders = try JSONCoder.encode(heldSeats) }
        outputs.append(.record(line))
        outputs += sealed.faults.map(Output.fault)
        for result in sealed.results {
            if let holder = holders[result.seat], holder.generation == result.generation {
                outputs.append(.send(.result(result), to: holder.address))
            }
        }
        for result in sealed.commands {
            if let address = commanders[result.seat] { outputs.append(.send(.result(result), to: address)) }
        }
        outputs += try publish(sealed.line, sealed.exports)
        if pacer.pacing == .eventSkip { pacer.nextEvent = Rules.nextEvent(host.model.turn) }
    }

    mutating func publish(
        _ line: SimRecording.Tick, _ exports: [(key: String, value: JSON)]? = nil
    ) throws -> [Output] {
        guard publisher != nil, let chain = Digest(hex: line.chain) else { return [] }
        let exports = exports ?? Rules.exports(host.model.turn)
        sealedExports.add(tick: line.tick, exports)
        var values = exports.map { (name: $0.key, value: $0.value) }
        values.append((SealedExports.key, sealedExports.json(run: settings.run)))
        values.append((ControllerSettings.metricsKey, line.metrics))
        values.append((ControllerSettings.viewKey, WorldView.json(of: host.model.world)))
        let changes =
            try publisher?.publish(tick: line.tick, values: values, chain: chain, stateRoot: line.stateRoot) ?? []
        return changes.isEmpty ? [] : [.publish(changes)]
    }

    // MARK: The end

    func end(reason: String) -> SimEnd {
        SimEnd(sim: host.sim, tick: host.tick, chain: host.run.chain.head.hex, reason: reason)
    }

    mutating func finish(_ reason: String, isFailure: Bool = false) -> [Output] {
        isEnded = true
        nextWake = nil
        stopReason = reason
        var end = end(reason: reason)
        if isFailure { end.failed = true }
        let seats = host.collector.seats.upcoming.map(\.name)
        return seats.compactMap { seat in holders[seat].map { Output.send(.end(end), to: $0.address) } } + [.ended(end)]
    }
}
