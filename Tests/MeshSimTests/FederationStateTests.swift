import MeshCore
import Testing

@testable import MeshSim

@Suite struct FederationStateTests {
    private func root(_ tick: Int64) -> Digest {
        var hasher = StateHasher()
        hasher.add(tick)
        return hasher.finish()
    }

    @Test(
        arguments: [
            ("a", "x", "sim:a:x"), ("a", "x:y", "sim:a:x:y"), ("a", "manifest", nil), ("a", "", nil), ("", "x", nil),
            ("a:b", "x", nil), ("a", "x\u{7}", nil),
            ("a", String(repeating: "k", count: 250), "sim:a:" + String(repeating: "k", count: 250)),
            ("a", String(repeating: "k", count: 251), nil),
        ] as [(String, String, String?)])
    func keys(_ domain: String, _ name: String, _ key: String?) throws {
        guard let key else {
            #expect(throws: FederationError.self) { try SimKey.make(domain, name) }
            return
        }
        #expect(try SimKey.make(domain, name) == key)
        let (back, rest) = try SimKey.split(key)
        #expect(back == domain && rest == name)
    }

    @Test(arguments: ["", "sim", "sim:", "sim:a", "sim:a:", "sam:a:b", "sim::b", "sim:a b:c"])
    func noKeys(_ key: String) {
        #expect(throws: FederationError.self) { try SimKey.split(key) }
    }

    @Test func aValueIsStampedAndChecked() throws {
        let value = try StampedValue(tick: 3, rev: 2, owner: "a", value: ["x": 1])
        #expect(try StampedValue(json: JSON.parse(value.json.bytes())) == value)
        // 1.0 and 1 are one number in JSON, whoever writes it.
        #expect(value.hash == (try StampedValue(tick: 3, rev: 2, owner: "a", value: ["x": 1.0])).hash)
        var wrong = value
        wrong.value = ["x": 2]
        #expect(throws: FederationError.self) { try StampedValue(json: wrong.json) }
        #expect(throws: FederationError.self) { try StampedValue(json: "text") }
        #expect(throws: FederationError.self) { try StampedValue(tick: -1, rev: 1, owner: "a", value: 1) }
        #expect(throws: FederationError.self) { try StampedValue(tick: 1, rev: 1, owner: "a", value: [.double(.nan)]) }
    }

    @Test(arguments: [(65_000, true), (65_536, false)])
    func aLargeValueIsRefused(_ count: Int, _ isValid: Bool) {
        let value = JSON.string(String(repeating: "x", count: count))
        do throws(FederationError) {
            _ = try StampedValue(tick: 1, rev: 1, owner: "a", value: value)
            #expect(isValid)
        } catch {
            #expect(!isValid)
            #expect(error.code == .limit)
            #expect(error.description.contains("split"))
        }
    }

    @Test func aPublisherWritesChangesAndTheManifestLast() throws {
        var publisher = try TickPublisher(domain: "a")
        let first = try publisher.publish(
            tick: 1, values: [("y", 1), ("x", 1)], chain: root(1), stateRoot: root(1))
        #expect(first.map(\.key) == ["sim:a:x", "sim:a:y", "sim:a:manifest"])
        let second = try publisher.publish(tick: 2, values: [("x", 2)], chain: root(2), stateRoot: root(2))
        #expect(second.map(\.key) == ["sim:a:x", "sim:a:y", "sim:a:manifest"])
        #expect(second.map { $0.value == nil } == [false, true, false])
        let third = try publisher.publish(
            tick: 5, values: [("x", 2), ("y", 9)], chain: root(5), stateRoot: root(5))
        #expect(third.map(\.key) == ["sim:a:y", "sim:a:manifest"])
        let manifest = try TickManifest(json: try #require(third.last?.value))
        #expect(manifest.values == [.init(name: "x", tick: 2, rev: 2), .init(name: "y", tick: 5, rev: 2)])
        #expect(throws: FederationError.self) {
            try publisher.publish(tick: 5, values: [], chain: root(5), stateRoot: root(5))
        }
        #expect(throws: FederationError.self) {
            try publisher.publish(tick: 6, values: [("x", 1), ("x", 2)], chain: root(5), stateRoot: root(5))
        }
        #expect(throws: FederationError.self) {
            try publisher.publish(tick: 6, values: [("x", .double(.infinity))], chain: root(5), stateRoot: root(5))
        }
        let many = (0..<3_000).map { (name: "value-\($0)", value: JSON.integer(1)) }
        let error = try #require(throws: FederationError.self) {
            _ = try publisher.publish(tick: 6, values: many, chain: root(6), stateRoot: root(6))
        }
        #expect(error.code == .limit)
    }

    @Test func aPublisherGoesOnAfterAWholeTick() throws {
        let (first, second) = try twoTicks()
        var reader = try ManifestReader(domain: "a")
        var again = TickPublisher(after: try #require(reader.feed(first).ticks.first))
        #expect(throws: FederationError.self) {
            try again.publish(tick: 1, values: [], chain: root(1), stateRoot: root(1))
        }
        #expect(try again.publish(tick: 2, values: [("y", 1), ("x", 2)], chain: root(2), stateRoot: root(2)) == second)
    }

    @Test(arguments: [
        #"{}"#, #"[]"#,
        #"{"domain":"a","tick":1,"chain":"00","stateRoot":"00","count":0,"keysHash":"00","values":[]}"#,
    ])
    func noManifests(_ text: String) throws {
        let json = try JSON.parse(Array(text.utf8))
        #expect(throws: FederationError.self) { try TickManifest(json: json) }
    }

    @Test func aManifestThatContradictsItselfIsRefused() throws {
        let value = try StampedValue(tick: 1, rev: 1, owner: "a", value: 1)
        let whole = TickManifest(
            domain: "a", tick: 1, chain: root(1), stateRoot: root(1), values: [("x", value), ("y", value)])
        #expect(try TickManifest(json: whole.json) == whole)
        for change in [
            { $0.count = 3 }, { $0.values.reverse() }, { $0.values[0].tick = 2 }, { $0.values[0].rev = 0 },
            { $0.tick = -1 },
            { $0.values[1].name = "x" }, { $0.domain = "" },
        ] as [(inout TickManifest) -> Void] {
            var wrong = whole
            change(&wrong)
            #expect(throws: FederationError.self) { try TickManifest(json: wrong.json) }
        }
    }

    /// Two ticks of a domain: x changes, y stays, z goes.
    private func twoTicks() throws -> (first: [StateChange], second: [StateChange]) {
        var publisher = try TickPublisher(domain: "a")
        return (
            try publisher.publish(
                tick: 1, values: [("x", 1), ("y", 1), ("z", 1)], chain: root(1), stateRoot: root(1)),
            try publisher.publish(tick: 2, values: [("x", 2), ("y", 1)], chain: root(2), stateRoot: root(2))
        )
    }

    @Test func aReaderWaitsForWholeTicks() throws {
        let (first, second) = try twoTicks()
        var reader = try ManifestReader(domain: "a")
        var reading = reader.feed([first[3], first[0]])
        #expect(reading.ticks.isEmpty)
        #expect(reading.waiting == .init(tick: 1, missing: ["y", "z"]))
        reading = reader.feed([second[0], first[2]])
        #expect(reading.waiting == .init(tick: 1, missing: ["y"]))
        reading = reader.feed([first[1]])
        #expect(reading.ticks.map(\.manifest.tick) == [1])
        // x of tick 2 was there already, and has no place in tick 1.
        #expect(reading.ticks.first?.values.map(\.value.value) == [1, 1, 1])
        #expect(reading.waiting == nil)
        reading = reader.feed([second[2], second[1]])
        #expect(reading.ticks.map(\.manifest.tick) == [2])
        #expect(reading.ticks.first?.values.map(\.value.value) == [2, 1])
        #expect(reader.lastTick == 2)
        // What comes again is nothing new.
        reading = reader.feed(first + second)
        #expect(reading.ticks.isEmpty && reading.waiting == nil && reading.refused.isEmpty)
    }

    @Test func aTornSnapshotWaitsForTheNextManifest() throws {
        let (first, second) = try twoTicks()
        var reader = try ManifestReader(domain: "a")
        // As the state is when x of tick 2 is written and its manifest is not.
        let torn = [first[1], first[2], first[3], second[0]]
        var reading = reader.feed(torn)
        #expect(reading.ticks.isEmpty)
        #expect(reading.waiting == .init(tick: 1, missing: ["x"]))
        reading = reader.feed([second[2]])
        #expect(reading.ticks.map(\.manifest.tick) == [2])
        #expect(reading.waiting == nil)
    }

    @Test func whatContradictsIsRefusedAndTheRestCounts() throws {
        let (first, second) = try twoTicks()
        var reader = try ManifestReader(domain: "a")
        let other = try StampedValue(tick: 1, rev: 1, owner: "a", value: 7)
        let manifest = TickManifest(domain: "b", tick: 1, chain: root(1), stateRoot: root(1), values: [])
        let wrong = TickManifest(domain: "a", tick: 1, chain: root(9), stateRoot: root(1), values: [])
        let reading = reader.feed(
            first + [
                StateChange(key: "sim:a:x", value: try other.json), StateChange(key: "sim:a:q", value: 1),
                StateChange(key: "sim:a:manifest", value: try manifest.json), StateChange(key: "sim:b:x", value: 1),
                StateChange(key: "sim:a:manifest", value: try wrong.json),
            ] + second)
        #expect(reading.refused.map(\.code) == [.conflict, .invalid, .conflict, .conflict])
        #expect(reading.ticks.map(\.manifest.tick) == [1, 2])
        // Values that fit by tick and rev, but not by what the manifest hashes.
        var lied = try ManifestReader(domain: "a")
        let after = lied.feed([StateChange(key: "sim:a:x", value: try other.json)] + first[1...])
        #expect(after.ticks.isEmpty && after.refused.map(\.code) == [.conflict])
    }

    /// A long run, delivered in any batches, some of it twice or too late, or as snapshots of the latest values: ticks come
    /// in order, and each is what was published, whole.
    @Test(arguments: 0..<25, [false, true])
    func noTornTickInAnyDelivery(_ number: Int, _ isSnapshot: Bool) throws {
        var stream = RandomStream(seed: UInt64(number), domain: "test", purpose: "reader")
        var publisher = try TickPublisher(domain: "a")
        var log: [StateChange] = []
        var truth: [Int64: [String]] = [:]
        for tick in 0..<Int64(20) {
            let values = (0..<5).filter { _ in stream.chance(0.7) }.map {
                (name: "v\($0)", value: JSON.integer(Int64(stream.below(2))))
            }
            truth[tick] = values.map { "\($0.name)=\($0.value.text)" }
            log += try publisher.publish(tick: tick, values: values, chain: root(tick), stateRoot: root(tick))
        }
        var reader = try ManifestReader(domain: "a")
        var state: [StateChange] = []
        var seen: [Int64] = []
        var place = 0
        while place < log.count {
            let end = min(log.count, place + 1 + stream.below(10))
            var batch = Array(log[place..<end])
            if isSnapshot {
                for change in batch {
                    state.removeAll { $0.key == change.key }
                    if change.value != nil { state.append(change) }
                }
                batch = state
                stream.shuffle(&batch)
            } else if stream.chance(0.3) {
                batch = Array(log[max(0, place - stream.below(15))..<end])
                stream.shuffle(&batch)
            }
            place = end
            let reading = reader.feed(batch)
            #expect(reading.refused == [])
            for whole in reading.ticks {
                #expect(whole.manifest.tick > seen.last ?? -1)
                seen.append(whole.manifest.tick)
                #expect(whole.values.map { "\($0.name)=\($0.value.value.text)" } == truth[whole.manifest.tick])
            }
        }
        #expect(seen.last == 19)
        // Nothing was lost in the first kind of delivery; only a shuffled batch may pass over a tick of its own.
        if !isSnapshot { #expect(seen.count == 20) }
    }

    // MARK: - Ownership

    @Test func oneOwnerAtAnyTick() throws {
        var owners = try KeyOwnership(["a", "b", "c"])
        try owners.checkWrite("sim:a:x", by: "a", at: 0)
        let error = try #require(throws: FederationError.self) { try owners.checkWrite("sim:a:x", by: "b", at: 0) }
        #expect(error.code == .notOwner)
        let offer = OwnershipEvent.offer("sim:a:x", from: "a", to: "b", at: 3, effective: 7)
        try owners.apply(offer)
        #expect(owners.offer(of: "sim:a:x") == offer)
        // An offer changes nothing, and is the only one.
        #expect(try owners.owner(of: "sim:a:x", at: 9) == "a")
        #expect(throws: FederationError.self) {
            try owners.apply(.offer("sim:a:x", from: "a", to: "c", at: 4, effective: 8))
        }
        #expect(throws: FederationError.self) { try owners.apply(offer.accepted(at: 7)) }
        #expect(throws: FederationError.self) { try owners.apply(offer.accepted(at: 2)) }
        var forged = offer.accepted(at: 5)
        forged.by = "c"
        #expect(throws: FederationError.self) { try owners.apply(forged) }
        forged = offer.accepted(at: 5)
        forged.effective = 6
        #expect(throws: FederationError.self) { try owners.apply(forged) }
        try owners.apply(offer.accepted(at: 5))
        #expect(throws: FederationError.self) { try owners.apply(offer.accepted(at: 5)) }
        #expect(try owners.owner(of: "sim:a:x", at: 6) == "a")
        #expect(try owners.owner(of: "sim:a:x", at: 7) == "b")
        #expect(try owners.owner(of: "sim:a:y", at: 7) == "a")
        // Until it is effective the old owner cannot give it away again, and after it neither.
        for tick in [Int64(6), 8] {
            #expect(throws: FederationError.self) {
                try owners.apply(.offer("sim:a:x", from: "a", to: "c", at: tick, effective: 20))
            }
        }
        let back = OwnershipEvent.offer("sim:a:x", from: "b", to: "a", at: 9, effective: 10)
        try owners.apply(back)
        #expect(throws: FederationError.self) { try owners.apply(back.cancelled(by: "c", at: 9)) }
        try owners.apply(back.cancelled(by: "a", at: 12))
        #expect(try owners.owner(of: "sim:a:x", at: 12) == "b")
        owners.forget(before: 8)
        #expect(try owners.owner(of: "sim:a:x", at: 8) == "b")
        #expect(try JSONCoder.decode(OwnershipEvent.self, from: JSONCoder.encode(back)) == back)
    }

    @Test func prefixesAreHandedOverToo() throws {
        var owners = try KeyOwnership(["a", "b"])
        let single = OwnershipEvent.offer("sim:a:x", from: "a", to: "b", at: 1, effective: 2)
        for event in [single, single.accepted(at: 1)] { try owners.apply(event) }
        let all = OwnershipEvent.offer("sim:a:", from: "a", to: "b", at: 3, effective: 5)
        for event in [all, all.accepted(at: 4)] { try owners.apply(event) }
        #expect(try owners.owner(of: "sim:a:new", at: 4) == "a")
        #expect(try owners.owner(of: "sim:a:new", at: 5) == "b")
        #expect(try owners.owner(of: "sim:c:new", at: 5) == nil)
    }

    @Test(arguments: [LeavePolicy.freeze, .delete, .handOver(to: "b")])
    func whoLeavesOwnsNothing(_ policy: LeavePolicy) throws {
        var owners = try KeyOwnership(["a", "b", "c"])
        let given = OwnershipEvent.offer("sim:c:x", from: "c", to: "a", at: 1, effective: 2)
        for event in [given, given.accepted(at: 1)] { try owners.apply(event) }
        try owners.apply(.offer("sim:c:y", from: "c", to: "a", at: 1, effective: 20))
        let departure = Departure(domain: "a", isResignation: false, policy: policy, lastTick: 4, effective: 7)
        #expect(owners.depart(departure) == ["sim:a:", "sim:c:x"])
        #expect(owners.offer(of: "sim:c:y") == nil)
        for key in ["sim:a:z", "sim:c:x"] {
            #expect(try owners.owner(of: key, at: 4) == "a")
            #expect(try owners.owner(of: key, at: 5) == nil)
            #expect(try owners.owner(of: key, at: 6) == nil)
            #expect(try owners.owner(of: key, at: 7) == (policy == .handOver(to: "b") ? "b" : nil))
        }
        try owners.arrive("a", at: 9)
        #expect(try owners.owner(of: "sim:a:z", at: 9) == (policy == .handOver(to: "b") ? "b" : "a"))
        #expect(try owners.owner(of: "sim:a:z", at: 8) == (policy == .handOver(to: "b") ? "b" : nil))
    }

    /// Random events; whatever is applied or refused, at each tick a key has the owner that a plain list of transfers says.
    @Test(arguments: 0..<50)
    func ownersAreThoseOfAPlainList(_ number: Int) throws {
        var stream = RandomStream(seed: UInt64(number), domain: "test", purpose: "owners")
        let names = ["a", "b", "c"]
        let key = "sim:a:x"
        var owners = try KeyOwnership(names)
        var transfers: [(Int64, String)] = [(0, "a")]
        var offer: OwnershipEvent?
        var tick: Int64 = 0
        func owner(_ tick: Int64) -> String { transfers.last { $0.0 <= tick }?.1 ?? "" }
        for _ in 0..<60 {
            tick += Int64(stream.below(3))
            let who = names[stream.below(3)]
            let event: OwnershipEvent
            let isValid: Bool
            switch stream.below(3) {
            case 0:
                event = .offer(
                    key, from: who, to: names[stream.below(3)], at: tick, effective: tick + Int64(stream.below(4)))
                isValid =
                    offer == nil && who == owner(tick) && who == owner(.max) && event.taker != who
                    && event.effective > tick
            case 1:
                guard let known = offer else { continue }
                event = known.accepted(at: tick)
                isValid = tick < known.effective
            default:
                guard let known = offer else { continue }
                event = known.cancelled(by: who, at: tick)
                isValid = who == known.owner || who == known.taker
            }
            let before = owners
            do throws(FederationError) {
                try owners.apply(event)
                #expect(isValid, "\(event)")
            } catch {
                #expect(!isValid, "\(error)")
                #expect(owners == before)
                continue
            }
            if event.kind == .accepted { transfers.append((event.effective, event.taker)) }
            offer = event.kind == .offered ? event : nil
            for tick in 0...(tick + 5) { #expect(try owners.owner(of: key, at: tick) == owner(tick)) }
        }
    }
}
