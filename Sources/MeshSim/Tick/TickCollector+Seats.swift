extension TickCollector {
    /// Takes a seat from the next tick on; returns its generation. Fails like `SeatTable.take`, and when the seat's
    /// fallback is not an action of the catalogue.
    @discardableResult
    public mutating func take(_ seat: Seat) throws(SimError) -> Int64 {
        try check(seat.latePolicy)
        return try seats.take(seat)
    }

    /// Gives up a seat from the next tick on; the open tick does not wait for it. Fails when it has no holder.
    public mutating func giveUp(_ name: String, reason: String = "the seat was given up") throws(SimError) {
        try seats.giveUp(name)
        fail(name, reason: reason)
    }

    /// Hands the body over to another mind from the next tick on; returns the new generation. What the old holder has
    /// pending then is refused. Fails when the seat has no holder.
    @discardableResult
    public mutating func handOver(
        _ name: String, to mind: Mind, latePolicy: LatePolicy? = nil, isBlocking: Bool = true
    ) throws(SimError) -> Int64 {
        if let latePolicy { try check(latePolicy) }
        return try seats.handOver(name, to: mind, latePolicy: latePolicy, isBlocking: isBlocking)
    }

    /// Stops waiting for the seat, from the next tick on. Fails when it has no holder.
    public mutating func demote(_ name: String) throws(SimError) { try seats.demote(name) }

    /// Waits for the seat again, from the next tick on. Fails when it has no holder.
    public mutating func readmit(_ name: String) throws(SimError) { try seats.readmit(name) }

    /// Marks the seat's holder as failed or disconnected: it is not waited for in this tick, or the next one when
    /// none is open, and has no action in it except those already received. Returns whether there is such a holder.
    @discardableResult
    public mutating func fail(_ seat: String, generation: Int64? = nil, reason: String) -> Bool {
        guard let place = inboxes.index(of: seat) else { return false }
        if let generation, generation != inboxes[place].generation { return false }
        let reason = reason.shortened(to: 256)
        // Of several reasons the first by bytes, so that their order does not matter.
        if let known = inboxes[place].failure, !reason.precedesInBytes(known) { return true }
        inboxes[place].failure = reason
        answer(place)
        return true
    }

    /// Passes a tick for the seat's holder: it is not waited for and not missed. What it sends for that tick
    /// still counts. Returns whether there is such a holder and the tick is the open one, or the next if none is open.
    @discardableResult
    public mutating func pass(_ seat: String, generation: Int64, tick: Int64) -> Bool {
        guard let place = inboxes.index(of: seat), inboxes[place].generation == generation, tick == self.tick else {
            return false
        }
        inboxes[place].passedUpTo = max(inboxes[place].passedUpTo, tick)
        answer(place)
        return true
    }

    private func check(_ policy: LatePolicy) throws(SimError) {
        guard case .fallback(let action, let arguments) = policy else { return }
        _ = try catalog.schema(action).validate(arguments: arguments)
    }

    /// Updates the inboxes after a change of seats.
    mutating func fitInboxes() {
        var old = 0
        inboxes = seats.current.map { seat in
            while old < inboxes.count, inboxes[old].name.precedesInBytes(seat.name) { old += 1 }
            guard old < inboxes.count, inboxes[old].name == seat.name else { return newInbox(seat) }
            guard inboxes[old].generation != seat.generation else { return inboxes[old] }
            return succeed(inboxes[old], seat)
        }
    }

    private func newInbox(_ seat: Seat) -> SeatInbox {
        var inbox = SeatInbox(name: seat.name, generation: seat.generation)
        inbox.isNew = true
        return inbox
    }

    /// The inbox of the new holder. The previous holder's pending actions are refused in this tick.
    private func succeed(_ before: SeatInbox, _ seat: Seat) -> SeatInbox {
        var inbox = newInbox(seat)
        // Only a hand-over keeps the body; a holder that left and came back starts like any other.
        inbox.isNew = seat.body == seat.generation
        inbox.superseded = before.pending.map { input in
            var refused = input
            refused.due = tick
            refused.verdict = .invalid
            refused.reason = "the seat has another holder since tick \(tick)"
            return refused
        }
        return inbox
    }

    /// Reports whether a tick waits for the seat.
    mutating func prepare(_ place: Int, required: [String]?, _ window: inout Window) {
        let seat = seats.current[place]
        let isWanted: Bool =
            switch rules.barrier.kind {
            case .all, .quorum: true
            case .required: required.map { Self.contains($0, seat.name) } ?? false
            case .none: false
            }
        inboxes[place].hasAnswered = false
        inboxes[place].isAwaited = seat.isBlocking && !inboxes[place].isNew && isWanted
        inboxes[place].stallMillis = nil
        if inboxes[place].isAwaited { window.awaited += 1 }
        if case .stall(let milliseconds) = seat.latePolicy, seat.isBlocking, !inboxes[place].isNew {
            inboxes[place].stallMillis = milliseconds
            window.add(stall: milliseconds)
        }
    }

    private static func contains(_ sorted: [String], _ name: String) -> Bool {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = low + (high - low) / 2
            if sorted[middle].precedesInBytes(name) { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && sorted[low] == name
    }

    /// Records that the open tick need not wait for a seat.
    mutating func answer(_ place: Int) {
        guard window != nil, !inboxes[place].hasAnswered else { return }
        inboxes[place].hasAnswered = true
        if inboxes[place].isAwaited { window?.answered += 1 }
        if let milliseconds = inboxes[place].stallMillis { window?.remove(stall: milliseconds) }
    }

    /// Reports whether the open tick need not wait for a seat.
    func hasAnswered(_ place: Int) -> Bool {
        inboxes[place].failure != nil || inboxes[place].passedUpTo >= tick
            || inboxes[place].pending.contains { $0.answers(tick) }
    }
}

extension TickCollector.Window {
    mutating func add(stall milliseconds: Int64) {
        let place = stalls.firstIndex { $0.milliseconds >= milliseconds } ?? stalls.endIndex
        if place < stalls.count, stalls[place].milliseconds == milliseconds {
            stalls[place].count += 1
        } else {
            stalls.insert(Stall(milliseconds: milliseconds, count: 1), at: place)
        }
    }

    mutating func remove(stall milliseconds: Int64) {
        guard let place = stalls.firstIndex(where: { $0.milliseconds == milliseconds }) else { return }
        stalls[place].count -= 1
        if stalls[place].count == 0 { stalls.remove(at: place) }
    }
}
