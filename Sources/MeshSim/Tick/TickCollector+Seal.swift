import MeshCore

extension TickCollector {
    /// Seals the open tick: later submissions are for the next one. `receipts` then
    /// has each submission's outcome. The host checks `isReady` first, but may seal sooner. Fails when none is open.
    public mutating func seal(now: Int64, imports: [SealedImport] = []) throws(SimError) -> Seal {
        guard let window else { throw SimError("no tick is open; open tick \(tick) first") }
        receipts = []
        var inputs: [SealedInput] = []
        for place in inboxes.indices { inputs += seal(seatAt: place, now: now) }
        for place in commanders.indices {
            let due = commanders[place].takeDue(tick)
            inputs += due.map(\.sealed)
            for input in due {
                commanders[place].remember(note(input, now: now), fingerprint: input.fingerprint)
            }
        }
        let seal = Seal(tick: tick, changes: window.changes, inputs: inputs, imports: imports)
        sealedTick = tick
        self.window = nil
        return seal
    }

    private mutating func seal(seatAt place: Int, now: Int64) -> [SealedInput] {
        var due = inboxes[place].takeDue(tick)
        Self.settle(&due)
        var inputs = due.map(\.sealed)
        for input in due { inboxes[place].remember(note(input, now: now), fingerprint: input.fingerprint) }
        for input in inboxes[place].superseded {
            inputs.append(input.sealed)
            _ = note(input, now: now)
        }
        inboxes[place].superseded = []
        if due.contains(where: \.verdict.isApplied) {
            noteApplied(due, at: place)
        } else if !inboxes[place].isNew {
            inputs += absent(place, due)
        }
        inboxes[place].failure = nil
        inboxes[place].isNew = false
        return inputs
    }

    /// Decides which of a seat's actions are in the tick: those in time by sequence, then late ones, the
    /// newest first.
    private static func settle(_ due: inout [PendingInput]) {
        let inTime = due.indices.filter { due[$0].verdict == .onTime }
        let late = due.indices.filter { due[$0].verdict == .carried || due[$0].verdict == .idled }
        var single: Int64?
        var counts: [(action: String, count: Int)] = []
        for place in inTime + late.reversed() {
            let input = due[place]
            var fault: String?
            if input.maximumPerTick > 1 {
                let known = counts.firstIndex { $0.action == input.submission.action }
                let count = known.map { counts[$0].count } ?? 0
                if count >= input.maximumPerTick {
                    fault = "\(input.submission.action) may be done \(input.maximumPerTick) times a tick"
                } else if let known {
                    counts[known].count += 1
                } else {
                    counts.append((input.submission.action, 1))
                }
            } else if let single {
                fault = "the seat's one action of this tick is that of sequence \(single)"
            } else {
                single = input.submission.sequence
            }
            guard let fault else { continue }
            due[place].verdict = input.verdict == .onTime ? .invalid : .late
            due[place].reason = fault
        }
    }

    private mutating func noteApplied(_ due: [PendingInput], at place: Int) {
        if let last = due.last(where: { $0.verdict.isApplied && $0.maximumPerTick == 1 }) {
            inboxes[place].last = last.sealed
        }
        inboxes[place].heldFor = 0
        inboxes[place].idleFor = 0
        seats.setMissed(0, at: place, demoteAfter: rules.demoteAfter)
    }

    /// The input of a seat that has no action in this tick.
    private mutating func absent(_ place: Int, _ due: [PendingInput]) -> [SealedInput] {
        let seat = seats.current[place]
        let inbox = inboxes[place]
        // A seat whose action is not applied is not silent.
        let hasSpoken = due.contains { $0.verdict == .invalid || $0.verdict == .stale }
        var missed = hasSpoken ? 0 : seat.missed + 1
        defer { seats.setMissed(missed, at: place, demoteAfter: rules.demoteAfter) }
        func input(_ verdict: Verdict, _ reason: String?) -> SealedInput {
            SealedInput(
                seat: seat.name, generation: seat.generation, sequence: 0, action: nil, verdict: verdict,
                reason: reason)
        }
        if inbox.passedUpTo >= tick, inbox.failure == nil {
            missed = 0
            return [input(.passed, nil)]
        }
        switch seat.latePolicy {
        case .holdLast(let ticks):
            if var held = inbox.last, inbox.heldFor < ticks {
                inboxes[place].heldFor += 1
                held.verdict = .held
                held.reason = inbox.failure
                return [held]
            }
        case .fallback(let action, let arguments):
            if let chosen = fallback(action, arguments, input(.fallback, inbox.failure)) { return [chosen] }
        case .idle(let ticks) where inbox.failure == nil && !hasSpoken && inbox.idleFor < ticks:
            inboxes[place].idleFor += 1
            missed = seat.missed
            return [input(.missing, "thinks: tick \(inbox.idleFor + 1) of \(ticks)")]
        default: break
        }
        if let failure = inbox.failure { return [input(.failed, failure)] }
        // Delayed by its cost: neither silent nor missed.
        if inbox.pending.contains(where: { $0.target <= tick }) {
            missed = seat.missed
            return [input(.missing, "thinks by its cost")]
        }
        return due.isEmpty && seat.isBlocking ? [input(.missing, nil)] : []
    }

    private func fallback(_ action: String, _ arguments: JSON, _ input: SealedInput) -> SealedInput? {
        guard let schema = try? catalog.schema(action), let valid = try? schema.validate(arguments: arguments) else {
            // `take` and `handOver` refuse such a policy.
            return nil
        }
        var chosen = input
        chosen.action = action
        chosen.arguments = valid
        chosen.phase = schema.phase
        chosen.priority = schema.priority
        return chosen
    }

    /// Records the outcome of a submission.
    private mutating func note(_ input: PendingInput, now: Int64) -> Receipt {
        var receipt = Receipt(input.submission, status: .judged, tick: tick)
        receipt.verdict = input.verdict
        receipt.reason = input.reason
        receipt.waitedMillis = max(0, now &- input.receivedAt)
        receipts.append(receipt)
        return receipt
    }
}
