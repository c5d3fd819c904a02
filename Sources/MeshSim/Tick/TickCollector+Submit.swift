import MeshCore

extension TickCollector {
    /// Accepts a seat's submission. Never fails: malformed input becomes a verdict; other faults are refused in
    /// the receipt.
    public mutating func submit(_ submission: Submission, now: Int64) -> Receipt {
        guard let place = inboxes.index(of: submission.seat) else { return refuseUnknown(submission) }
        let seat = seats.current[place]
        guard submission.generation == seat.generation else { return refuseGeneration(submission, seat) }
        let (submission, fault) = Self.sound(submission)
        let fingerprint = submission.fingerprint
        if let answer = answerAtOnce(submission, fingerprint, inboxes[place], limit: seat.maximumPending) {
            return answer
        }
        var input = judged(submission, fingerprint, fault: fault, now: now)
        if input.target > tick + rules.maximumLead {
            return Receipt(
                submission, refused: .tooEarly,
                "tick \(input.target) is too far; the next is \(tick), send at most \(rules.maximumLead) ahead")
        }
        if input.verdict.isApplied { time(&input, seat) }
        inboxes[place].insert(input)
        if hasAnswered(place) { answer(place) }
        return Receipt(submission, status: .pending, tick: input.due)
    }

    /// Accepts a command of a person or orchestrator, for phase 0 of the open tick, or the next one if none is open.
    public mutating func command(_ command: Command, now: Int64) -> Receipt {
        guard SimName.isValid(command.issuer) else {
            return Receipt(
                command.submission, refused: .unknownSeat,
                "the issuer must be 1 to \(SimName.maximumBytes) printable ASCII characters without spaces")
        }
        let (submission, fault) = Self.sound(command.submission)
        guard let place = commander(command.issuer) else {
            return Receipt(
                submission, refused: .full,
                "\(Self.maximumCommanders) others have commands pending; send it again after tick \(tick)")
        }
        let fingerprint = submission.fingerprint
        if let answer = answerAtOnce(submission, fingerprint, commanders[place], limit: Seat.pendingLimit) {
            return answer
        }
        commanders[place].touched = tick
        var input = PendingInput(submission: submission, fingerprint: fingerprint, receivedAt: now, tick: tick)
        check(&input, fault: fault)
        input.phase = 0
        commanders[place].insert(input)
        return Receipt(submission, status: .pending, tick: tick)
    }

    // MARK: - Refusals

    private func refuseUnknown(_ submission: Submission) -> Receipt {
        guard let place = seats.upcoming.index(of: submission.seat) else {
            return Receipt(submission, refused: .unknownSeat, "nobody holds such a seat; join first")
        }
        return refuseNotYet(submission, seats.upcoming[place])
    }

    private func refuseNotYet(_ submission: Submission, _ seat: Seat) -> Receipt {
        let begin = isOpen ? tick + 1 : tick
        return Receipt(
            submission, refused: .notYet,
            "generation \(seat.generation) holds the seat from tick \(begin) on; send it when that is open")
    }

    private func refuseGeneration(_ submission: Submission, _ seat: Seat) -> Receipt {
        if let place = seats.upcoming.index(of: seat.name),
            seats.upcoming[place].generation == submission.generation
        {
            return refuseNotYet(submission, seats.upcoming[place])
        }
        return Receipt(
            submission, refused: .wrongGeneration,
            "generation \(seat.generation) holds the seat, not generation \(submission.generation)")
    }

    /// Returns the answer to a refused or repeated submission; nil for a new one.
    private func answerAtOnce(
        _ submission: Submission, _ fingerprint: String, _ inbox: SeatInbox, limit: Int
    ) -> Receipt? {
        guard (1...Self.lastTick).contains(submission.sequence) else {
            return Receipt(submission, refused: .badSequence, "the sequence must be a number from 1 to 2^53")
        }
        if let known = inbox.known(submission, fingerprint: fingerprint) { return known }
        guard inbox.pending.count < limit else {
            return Receipt(
                submission, refused: .full, "\(limit) actions are pending, the most there may be; wait for a result")
        }
        return nil
    }

    /// Returns the index of an issuer's inbox, which is made when missing. Nil when there are too many.
    private mutating func commander(_ name: String) -> Int? {
        if let place = commanders.index(of: name) { return place }
        if commanders.count >= Self.maximumCommanders {
            let idle = commanders.indices.filter { commanders[$0].pending.isEmpty }
            guard let oldest = idle.min(by: { commanders[$0].touched < commanders[$1].touched }) else { return nil }
            commanders.remove(at: oldest)
        }
        let place = commanders.place(of: name).index
        commanders.insert(SeatInbox(name: name, generation: 0), at: place)
        return place
    }

    // MARK: - Judging

    /// A submission that can be encoded: with an error in place of arguments that are too large or deep or have
    /// numbers that JSON does not have.
    private static func sound(_ submission: Submission) -> (Submission, fault: String?) {
        var submission = submission
        var fault: String?
        if submission.action.utf8.count > SimName.maximumBytes {
            submission.action = submission.action.shortened(to: 16)
            fault = "the name of the action is longer than \(SimName.maximumBytes) bytes"
        }
        if let arguments = submission.arguments {
            if !isSound(arguments, depth: JSONLimits.value.maxDepth) {
                fault = "the arguments are deeper than \(JSONLimits.value.maxDepth), or a number is not finite"
                submission.arguments = nil
            } else if arguments.canonicalBytes().count > JSONLimits.value.maxBytes {
                fault = "the arguments are longer than \(JSONLimits.value.maxBytes) bytes"
                submission.arguments = nil
            }
        }
        return (submission, fault)
    }

    private static func isSound(_ value: JSON, depth: Int) -> Bool {
        switch value {
        case .double(let number): number.isFinite
        case .array(let elements): depth > 0 && elements.allSatisfy { isSound($0, depth: depth - 1) }
        case .object(let members): depth > 0 && members.allSatisfy { isSound($0.value, depth: depth - 1) }
        default: true
        }
    }

    /// Reports whether it is an action of this scenario.
    private func check(_ input: inout PendingInput, fault: String?) {
        do throws(SimError) {
            if let fault { throw SimError(fault) }
            let schema = try catalog.schema(input.submission.action)
            input.phase = schema.phase
            input.priority = schema.priority
            input.maximumPerTick = schema.maximumPerTick
            input.arguments = try schema.validate(arguments: input.submission.arguments)
        } catch {
            input.verdict = .invalid
            input.reason = error.description
        }
    }

    /// Returns the verdict on a submission, regardless of its time.
    private func judged(_ submission: Submission, _ fingerprint: String, fault: String?, now: Int64) -> PendingInput {
        var input = PendingInput(submission: submission, fingerprint: fingerprint, receivedAt: now, tick: tick)
        let reason: String? =
            if !(0..<tick).contains(submission.basedOn) {
                "there is no observation of tick \(submission.basedOn); the newest is of tick \(tick - 1)"
            } else if let wanted = submission.tick, wanted <= submission.basedOn {
                "tick \(wanted) is not after the observation of tick \(submission.basedOn)"
            } else if !(0...Barrier.maximumCost).contains(submission.cost) {
                "a cost of \(submission.cost); give 0 to 2^53"
            } else {
                nil
            }
        if let reason {
            input.verdict = .invalid
            input.reason = reason
            return input
        }
        input.target = submission.tick ?? submission.basedOn + 1
        input.due = max(tick, input.target)
        check(&input, fault: fault)
        return input
    }

    /// Decides when a valid action is applied: in the open tick, or later because of its cost.
    private func time(_ input: inout PendingInput, _ seat: Seat) {
        let arrival = max(tick, input.target + rules.barrier.delay(cost: input.submission.cost))
        let lateBy = arrival - input.target
        if lateBy > 0 {
            switch seat.latePolicy {
            case .carry where lateBy <= max(1, rules.maximumLead): input.verdict = .carried
            case .idle(let ticks) where lateBy <= ticks: input.verdict = .idled
            default:
                input.verdict = .late
                input.reason = "meant for tick \(input.target), came \(lateBy) too late"
                return
            }
            input.due = arrival
        }
        let age = input.due - 1 - input.submission.basedOn
        if let limit = seat.stalenessLimit, age > limit {
            input.verdict = .stale
            input.reason = "the observation was \(age) ticks old, at most \(limit)"
        }
    }
}
