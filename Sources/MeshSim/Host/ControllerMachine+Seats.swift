import MeshCore

/// Handles requests for seats, actions and commands.
extension ControllerMachine {
    mutating func admit(_ join: SimJoin, _ address: String, _ member: SimMember) -> [Output] {
        do throws(SimError) {
            let name = join.name ?? freeName(join.role)
            if let held = holders[name] {
                guard held.isHeld(by: member, at: address),
                    held.isGone || held.address == address || join.resume == held.generation
                else { throw SimError("\(name) is held by \(held.name); take another name, or none") }
                if held.address == address, !held.isGone, join.resume == nil,
                    let seat = host.collector.seats.upcoming.first(where: { $0.name == name })
                {
                    // A repeated request gets the same answer.
                    return [.send(.welcome(host.welcome(seat, generation: held.generation)), to: address)]
                }
                return try resume(name, join, address, member)
            }
            if host.collector.seats.upcoming.contains(where: { $0.name == name }) {
                // Nobody but whom it was handed over to: it is an agent's, or another's who was asked to take it.
                guard let heir = vacant[name], heir == nil || heir == member.key else {
                    throw SimError("\(name) is held; take another name, or none")
                }
                return try resume(name, join, address, member)
            }
            guard holders.values.count(where: { $0.member == member.key }) < settings.seatsPerMember else {
                throw SimError(
                    "\(member.name) holds \(settings.seatsPerMember) seats, the most that one may; leave one first")
            }
            guard let seat = settings.admit(name, join) else {
                let roles = settings.roles.joined(separator: ", ")
                throw SimError("no seat for the role \(join.role ?? "none"); there are \(roles)")
            }
            let generation = try host.take(seat)
            holders[name] = Holder(
                address: address, member: member.key, name: member.name, generation: generation)
            return [.send(.welcome(host.welcome(seat, generation: generation)), to: address)]
        } catch {
            return [.send(.error(SimFault(code: "no_seat", message: error.description)), to: address)]
        }
    }

    /// Gives the same body to a returning holder, or to the member it was handed over to.
    mutating func resume(
        _ name: String, _ join: SimJoin, _ address: String, _ member: SimMember
    ) throws(SimError) -> [Output] {
        let generation = try host.handOver(name, to: join.mind)
        holders[name] = Holder(address: address, member: member.key, name: member.name, generation: generation)
        vacant[name] = nil
        // It was perhaps not waited for any more; it is again. Who was not demoted need not be readmitted.
        try? host.readmit(name)
        guard let seat = host.collector.seats.upcoming.first(where: { $0.name == name }) else { return [] }
        return [.send(.welcome(host.welcome(seat, generation: generation)), to: address)]
    }

    mutating func freeName(_ role: String?) -> String {
        repeat {
            seatNumber += 1
        } while host.collector.seats.upcoming.contains {
            $0.name == "\(role ?? "seat")-\(seatNumber)"
        }
        return "\(role ?? "seat")-\(seatNumber)"
    }

    mutating func act(_ action: SimAction, _ address: String, _ member: SimMember, _ now: Int64) -> [Output] {
        guard plays(member, address, action.seat) else {
            let fault = SimFault(
                code: "not_your_seat", message: "\(action.seat) is not your seat", hint: "join first: sim_join")
            return [.send(.error(fault), to: address)]
        }
        let receipt = host.submit(action.submission, now: now)
        // What is judged is told with its tick; only what was not taken, or was judged before, is answered at once.
        guard receipt.status != .pending else { return [] }
        let result = SimResult(
            seat: action.seat, generation: action.generation, results: [SimActionResult(receipt)])
        return [.send(.result(result), to: address)]
    }

    // MARK: Orders

    mutating func order(
        _ command: SimCommand, _ address: String, _ member: SimMember, _ now: Int64
    ) -> [Output] {
        func refuse(_ code: String, _ message: String, _ hint: String?) -> [Output] {
            [.send(.error(SimFault(code: code, message: message, hint: hint)), to: address)]
        }
        guard settings.mayCommand(member.key) else {
            return refuse(
                "forbidden", "\(member.name) may not command this simulation", "ask the person who runs it to allow you"
            )
        }
        do {
            switch try SimOrder(command) {
            case .pause:
                remember(pacer.pacing)
                try pacer.change(to: .paused)
            case .resume: if pacer.pacing == .paused { try pacer.change(to: resumePacing) }
            case .step(let ticks):
                remember(pacer.pacing)
                try pacer.change(to: .step(ticks: ticks))
            case .pace(let pacing):
                try pacer.change(to: pacing)
                remember(pacing)
            case .stop(let reason): stopReason = reason ?? "stopped by \(member.name)"
            case .handOver(let seat, let mind, let heir):
                _ = try host.handOver(seat, to: mind)
                holders[seat] = nil
                // An agent of the scenario's own takes its seat back by itself.
                let isAgents = mind == .coded && heir == nil && agents.contains { $0.seat.name == seat }
                vacant[seat] = isAgents ? nil : .some(heir)
            case .readmit(let seat): try host.readmit(seat)
            case .act(let action, let arguments):
                let receipt = host.command(
                    Command(issuer: member.key.hex, sequence: command.sequence, action: action, arguments: arguments),
                    now: now)
                if receipt.status == .refused { return refuse("refused", receipt.reason ?? "not taken", nil) }
                commanders[member.key.hex] = address
            }
            return []
        } catch let error as SimProtocolError {
            return [.send(error.answer, to: address)]
        } catch {
            return refuse("refused", "\(error)", nil)
        }
    }

    /// Keeps the pace to go back to: some steps and a pause are none.
    mutating func remember(_ pacing: Pacing) {
        switch pacing {
        case .paused, .step: break
        default: resumePacing = pacing
        }
    }
}
