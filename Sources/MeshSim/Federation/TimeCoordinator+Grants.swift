extension TimeCoordinator {
    /// All grants that are possible now, by time and name.
    mutating func grants() -> [TimeGrant] {
        var grants: [TimeGrant] = []
        // A grant makes a federate run, and with that can only hold others up: one pass finds all.
        let safe = members.indices.filter(isSafe)
        for place in safe { grants.append(grant(place)) }
        if isIdle, let place = firstOfTied() { grants.append(grant(place)) }
        return grants.sorted {
            $0.time == $1.time ? $0.federate.precedesInBytes($1.federate) : $0.time < $1.time
        }
    }

    /// When a federate runs next as far as is known: the time it asked for, or that of a value that wakes it before.
    private func next(_ place: Int) -> (time: Int64, isInterrupt: Bool)? {
        let member = members[place]
        guard case .waiting(let until) = member.phase else { return nil }
        guard !member.declaration.isUninterruptible else { return (until, false) }
        let woken = member.waiting.map { member.declaration.allowed(from: $0.arrival, after: member.granted) }.min()
        if let woken, woken < until { return (woken, true) }
        return (until, false)
    }

    /// Whether nobody can change any more when a federate runs next, and what it hears then (rules 3 and 4).
    private func isSafe(_ place: Int) -> Bool {
        guard let (time, isInterrupt) = next(place), time < Self.never else { return false }
        let bounds = bounds(without: place)
        let hearsCurrentTime = isInterrupt || members[place].declaration.waitsForCurrentTime
        return members[place].inputs.allSatisfy { source, delay in
            let bound = bounds[source]
            if bound >= Self.never { return true }
            return bound + delay > time || (bound >= time && !hearsCurrentTime)
        }
    }

    /// The earliest time at which each federate can still publish, if one of them never runs again. The least solution of
    /// bound = min(next known run, run that a publication of an input at its bound would cause).
    private func bounds(without excluded: Int) -> [Int64] {
        var bounds = members.indices.map { place -> Int64 in
            if place == excluded { return Self.never }
            return switch members[place].phase {
            case .running: members[place].granted
            case .waiting: next(place)?.time ?? Self.never
            case .finished: Self.never
            }
        }
        var open = members.indices.filter { bounds[$0] < Self.never }
        while let source = open.popLast() {
            for listener in members[source].listeners where listener != excluded {
                let member = members[listener]
                guard case .waiting = member.phase, !member.declaration.isUninterruptible,
                    let delay = member.inputs.first(where: { $0.place == source })?.delay
                else { continue }
                let woken = member.declaration.allowed(from: bounds[source] + delay, after: member.granted)
                if woken < bounds[listener] {
                    bounds[listener] = woken
                    open.append(listener)
                }
            }
        }
        return bounds
    }

    /// Who runs when all are at rest (rule 5); nil when nobody will ever run again.
    private func firstOfTied() -> Int? {
        var best: (place: Int, time: Int64, waits: Bool)?
        for place in members.indices {
            guard let (time, _) = next(place), time < Self.never else { continue }
            let waits = members[place].declaration.waitsForCurrentTime
            if let best, time > best.time || (time == best.time && (waits || !best.waits)) { continue }
            best = (place, time, waits)
        }
        return best?.place
    }

    private mutating func grant(_ place: Int) -> TimeGrant {
        let declaration = members[place].declaration
        let (time, isInterrupt) = next(place) ?? (members[place].granted, false)
        let hearsCurrentTime = isInterrupt || declaration.waitsForCurrentTime
        func isHeard(_ value: TimedValue) -> Bool {
            value.arrival <= time && (value.published < time || hearsCurrentTime)
        }
        let values = members[place].waiting.filter(isHeard).sorted(by: TimedValue.precedes)
        members[place].waiting.removeAll(where: isHeard)
        members[place].granted = time
        members[place].phase = .running
        return TimeGrant(federate: declaration.name, time: time, isInterrupt: isInterrupt, values: values)
    }
}
