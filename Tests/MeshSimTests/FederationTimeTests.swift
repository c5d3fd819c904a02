import MeshCore
import Testing

@testable import MeshSim

/// The exercises on timing of the HELICS user guide, and what must hold for any federation.
@Suite struct FederationTimeTests {
    /// B reads C, A reads B, C reads A.
    static func ring(
        a: TimeFederate = TimeFederate("A", period: 1), b: TimeFederate = TimeFederate("B", period: 2),
        c: TimeFederate = TimeFederate("C", period: 3)
    ) throws -> TimeCoordinator {
        var (a, b, c) = (a, b, c)
        (a.inputs, b.inputs, c.inputs) = (["B"], ["C"], ["A"])
        return try TimeCoordinator([a, b, c])
    }

    /// Lets all ask for their next times until `end`; B, say, publishes whenever it runs. Gives all grants in their order.
    static func run(
        _ coordinator: TimeCoordinator, until end: Int64, publishers: [String] = [], asks: [String: Int64] = [:],
        order: [String] = ["A", "B", "C"]
    ) throws -> [TimeGrant] {
        var coordinator = coordinator
        var running = order
        var all: [TimeGrant] = []
        while let name = running.first {
            running.removeFirst()
            let now = try coordinator.time(of: name)
            if publishers.contains(name) { try coordinator.publish(name, .integer(now)) }
            let asked = asks[name].flatMap { $0 > now ? $0 : nil } ?? now + 1
            let grants = now >= end ? try coordinator.finish(name) : try coordinator.request(name, asked)
            all += grants
            running += grants.map(\.federate)
        }
        return all
    }

    @Test func afterZeroTheFirstIsA() throws {
        let grants = try Self.run(Self.ring(), until: 6)
        let first = try #require(grants.min { $0.time < $1.time })
        #expect(first.federate == "A")
        #expect(first.time == 1)
    }

    @Test func bHearsAt4WhatCPublishesAt3() throws {
        let grants = try Self.run(Self.ring(), until: 6, publishers: ["C"])
        let heard = grants.filter { $0.federate == "B" && $0.values.contains { $0.published == 3 } }
        #expect(heard.map(\.time) == [4])
    }

    @Test func allMeetAt6() throws {
        let grants = try Self.run(Self.ring(), until: 6)
        let common = (1...6).filter { time in Set(grants.filter { $0.time == time }.map(\.federate)).count == 3 }
        #expect(common == [6])
    }

    @Test(
        arguments: [
            // A waits for the current time; it asks for 4 or 2; B publishes at 2; what A gets first at or after 2, and hears.
            (true, Int64(4), Int64(2), Int64(2)), (true, 2, 2, 2), (false, 2, 2, 3),
        ], [["A", "B", "C"], ["B", "A", "C"], ["C", "B", "A"], ["B", "C", "A"]])
    func whatBPublishesAt2(
        _ given: (waits: Bool, asks: Int64, granted: Int64, heard: Int64), _ order: [String]
    ) throws {
        let coordinator = try Self.ring(a: TimeFederate("A", period: 1, waitsForCurrentTime: given.waits))
        let grants = try Self.run(
            coordinator, until: 6, publishers: ["B"], asks: ["A": given.asks], order: order
        ).filter { $0.federate == "A" }
        // B publishes at 0 too, which wakes A at once; what matters is 2.
        #expect(grants.first { $0.time >= 2 }?.time == given.granted)
        #expect(grants.filter { $0.values.contains { $0.published == 2 } }.map(\.time) == [given.heard])
    }

    @Test func anOffsetAndADeltaOf2Give3First() throws {
        let coordinator = try Self.ring(b: TimeFederate("B", period: 2, offset: 1, timeDelta: 2))
        let grants = try Self.run(coordinator, until: 9)
        #expect(grants.filter { $0.federate == "B" }.map(\.time).prefix(3) == [3, 5, 7])
    }

    @Test func cAsksFor4AndGets6() throws {
        let grants = try Self.run(Self.ring(), until: 6, asks: ["C": 4])
        #expect(grants.filter { $0.federate == "C" }.map(\.time) == [6])
    }

    @Test(arguments: [(true, Int64(6)), (false, 4)])
    func bAsksFor6AndCPublishesAt3(_ isUninterruptible: Bool, _ granted: Int64) throws {
        var coordinator = try Self.ring(b: TimeFederate("B", period: 2, isUninterruptible: isUninterruptible))
        #expect(try coordinator.request("B", 6) == [])
        #expect(try coordinator.request("C", 3) == [])
        #expect(try coordinator.request("A", 9).map(\.federate) == ["C"])
        try coordinator.publish("C", "x")
        let grants = try coordinator.request("C", 12)
        #expect(grants.first { $0.federate == "B" }?.time == granted)
        #expect(grants.first { $0.federate == "B" }?.isInterrupt == !isUninterruptible)
        #expect(grants.first { $0.federate == "B" }?.values.map(\.published) == [3])
    }

    /// Each publishes when it has heard from whom it hears; A begins at 0.
    @Test(arguments: [["A", "B", "C"], ["C", "B", "A"], ["B", "C", "A"]])
    func updatesGoRound(_ order: [String]) throws {
        var coordinator = try Self.ring()
        try coordinator.publish("A", "go")
        var sequence: [String] = []
        var open: [TimeGrant] = []
        for name in order { open += try coordinator.request(name, TimeCoordinator.never) }
        while let grant = open.first, sequence.count < 7 {
            open.removeFirst()
            #expect(grant.values.count == 1)
            sequence.append("\(grant.time)\(grant.federate)")
            try coordinator.publish(grant.federate, "go")
            open += try coordinator.request(grant.federate, TimeCoordinator.never)
        }
        #expect(sequence == ["3C", "4B", "4A", "6C", "6B", "6A", "9C"])
    }

    @Test(arguments: [
        (Int64(1), Int64(0), Int64(1), Int64(0), Int64(1), Int64(1)), (3, 0, 1, 4, 3, 6), (2, 1, 2, 0, 1, 3),
        (5, 20, 1, 0, 1, 20), (5, 20, 1, 20, 21, 25), (2, 0, 5, 4, 5, 10),
        (1 << 40, 0, 1, 1 << 60, (1 << 60), TimeCoordinator.never), (1, 0, 1, 0, .max, TimeCoordinator.never),
    ])
    func allowedTimes(
        _ period: Int64, _ offset: Int64, _ delta: Int64, _ granted: Int64, _ asked: Int64, _ allowed: Int64
    ) {
        let federate = TimeFederate("F", period: period, offset: offset, timeDelta: delta)
        #expect(federate.allowed(from: asked, after: granted) == allowed)
    }

    @Test func aDelayIsHeardLater() throws {
        var source = TimeFederate("S", outputDelay: 2)
        source.period = 1
        var coordinator = try TimeCoordinator([source, TimeFederate("T", inputDelay: 1, inputs: ["S"])])
        try coordinator.publish("S", 1)
        #expect(try coordinator.request("T", TimeCoordinator.never) == [])
        let grants = try coordinator.request("S", 10)
        #expect(grants.map(\.federate) == ["T", "S"])
        #expect(grants.map(\.time) == [3, 10])
    }

    @Test func whatIsNotValidIsRefused() throws {
        #expect(throws: FederationError.self) { try TimeCoordinator([TimeFederate("A", period: 0)]) }
        #expect(throws: FederationError.self) { try TimeCoordinator([TimeFederate("A", timeDelta: 0)]) }
        #expect(throws: FederationError.self) { try TimeCoordinator([TimeFederate("A", inputDelay: .max)]) }
        #expect(throws: FederationError.self) { try TimeCoordinator([TimeFederate("A", inputs: ["A"])]) }
        #expect(throws: FederationError.self) { try TimeCoordinator([TimeFederate("A", inputs: ["B"])]) }
        #expect(throws: FederationError.self) { try TimeCoordinator([TimeFederate("A"), TimeFederate("A")]) }
        #expect(throws: FederationError.self) { try TimeCoordinator([TimeFederate("a:b")]) }
        var coordinator = try TimeCoordinator([TimeFederate("A"), TimeFederate("B", inputs: ["A"])])
        #expect(throws: FederationError.self) { try coordinator.request("A", 0) }
        #expect(throws: FederationError.self) { try coordinator.request("A", .max - 1) }
        #expect(throws: FederationError.self) { try coordinator.request("C", 1) }
        _ = try coordinator.request("B", 5)
        #expect(throws: FederationError.self) { try coordinator.publish("B", 1) }
        #expect(throws: FederationError.self) { try coordinator.request("B", 6) }
    }

    // MARK: - Any federation

    /// What a federate does follows from its name and time only, so that only the order of calls is left to chance.
    private static func federation(_ seed: UInt64) -> [TimeFederate] {
        var stream = RandomStream(seed: seed, domain: "test", purpose: "federates")
        let names = (0..<(2 + stream.below(4))).map { "f\($0)" }
        return names.map { name in
            TimeFederate(
                name, period: Int64(1 + stream.below(4)), offset: Int64(stream.below(3)),
                timeDelta: Int64(1 + stream.below(3)), inputDelay: Int64(stream.chance(0.3) ? stream.below(3) : 0),
                outputDelay: Int64(stream.chance(0.3) ? stream.below(3) : 0), waitsForCurrentTime: stream.chance(0.3),
                isUninterruptible: stream.chance(0.2), inputs: names.filter { $0 != name && stream.chance(0.5) })
        }
    }

    private static func act(
        _ name: String, _ seed: UInt64, _ now: Int64
    ) -> (publishes: Bool, asks: Int64) {
        let entity = UInt64(name.utf8.last ?? 0)
        var stream = RandomStream(seed: seed, domain: "test", purpose: "act", entity: entity, tick: UInt64(now))
        let publishes = stream.chance(0.6)
        return (publishes, stream.chance(0.2) ? TimeCoordinator.never : now + 1 + Int64(stream.below(8)))
    }

    @Test(arguments: 0..<60)
    func theOrderOfCallsChangesNothingAndNobodyHearsOfThePast(_ number: Int) throws {
        let seed = UInt64(number)
        let federates = Self.federation(seed)
        let end: Int64 = 40
        var results: [[String: [TimeGrant]]] = []
        for order in 0..<4 {
            var stream = RandomStream(seed: seed, domain: "test", purpose: "order", entity: UInt64(order))
            var coordinator = try TimeCoordinator(federates)
            var running = federates.map(\.name)
            var grants: [String: [TimeGrant]] = [:]
            while !running.isEmpty {
                let name = running.remove(at: stream.below(running.count))
                let now = try coordinator.time(of: name)
                let action = Self.act(name, seed, now)
                if action.publishes {
                    try coordinator.publish(name, .integer(now))
                    let delay = federates.first { $0.name == name }?.outputDelay ?? 0
                    for listener in federates where listener.inputs.contains(name) {
                        // No grant lies above a value that is published later.
                        let time = try coordinator.time(of: listener.name)
                        #expect(now + delay + listener.inputDelay >= time, "\(name) to \(listener.name)")
                    }
                }
                let next =
                    now >= end ? try coordinator.finish(name) : try coordinator.request(name, action.asks)
                for grant in next {
                    grants[grant.federate, default: []].append(grant)
                    running.append(grant.federate)
                    #expect(grant.values.allSatisfy { $0.arrival <= grant.time })
                }
            }
            // Whoever asked for a time has got it: nobody waits for ever for anything but values.
            for federate in federates {
                let last = try coordinator.time(of: federate.name)
                let isDone = last >= end || Self.act(federate.name, seed, last).asks == TimeCoordinator.never
                #expect(isDone, "\(federate.name) stopped at \(last)")
            }
            results.append(grants)
        }
        for result in results.dropFirst() { #expect(result == results[0]) }
    }

    /// The same federation by force: at each time, whoever can run is looked for among all, one at a time, and nobody runs
    /// ahead of anybody. Only for federates that ask for each next time and do not wait, whose rules are plain.
    @Test(arguments: 0..<40)
    func grantsAreThoseOfOneClock(_ number: Int) throws {
        let seed = UInt64(number)
        var federates = Self.federation(seed)
        for place in federates.indices {
            federates[place].waitsForCurrentTime = false
            federates[place].isUninterruptible = true
        }
        let end: Int64 = 30
        var coordinator = try TimeCoordinator(federates)
        var running = federates.map(\.name)
        var found: [String] = []
        while !running.isEmpty {
            let name = running.removeFirst()
            let now = try coordinator.time(of: name)
            try coordinator.publish(name, .integer(now))
            let next = now >= end ? try coordinator.finish(name) : try coordinator.request(name, now + 1)
            running += next.map(\.federate)
            for grant in next {
                found += grant.values.map { "\($0.source)@\($0.published) to \(grant.federate)@\(grant.time)" }
            }
        }
        var expected: [String] = []
        func times(_ federate: TimeFederate) -> [Int64] {
            var times: [Int64] = [0]
            for time in 1...200 {
                let time = Int64(time)
                guard let last = times.last, last < end else { break }
                let isOnGrid = time >= federate.offset && (time - federate.offset) % federate.period == 0
                if isOnGrid, time >= last + federate.timeDelta { times.append(time) }
            }
            return times
        }
        for listener in federates {
            for source in federates where listener.inputs.contains(source.name) {
                for published in times(source) {
                    let arrival = published + source.outputDelay + listener.inputDelay
                    let heard = times(listener).first { $0 > 0 && $0 > published && $0 >= arrival }
                    if let heard { expected.append("\(source.name)@\(published) to \(listener.name)@\(heard)") }
                }
            }
        }
        #expect(found.sorted() == expected.sorted())
    }
}
