import MeshCore
import Testing

@testable import MeshSim

@Suite struct FederationMergeTests {
    private func root(_ name: String, _ tick: Int64) -> Digest {
        var hasher = StateHasher()
        hasher.add(Array(name.utf8))
        hasher.add(tick)
        return hasher.finish()
    }

    private func whole(_ domain: String, _ tick: Int64, _ values: [(String, JSON)] = []) throws -> WholeTick {
        let stamped = try values.map {
            (name: $0.0, value: try StampedValue(tick: tick, rev: 1, owner: domain, value: $0.1))
        }
        let hash = root(domain, tick)
        return WholeTick(
            manifest: TickManifest(domain: domain, tick: tick, chain: hash, stateRoot: hash, values: stamped),
            values: stamped)
    }

    @Test func onlyValuesOfOneTickAreMerged() throws {
        let rules = [
            MergeRule("count", .sum), MergeRule("low*", .minimum), MergeRule("high", .maximum),
            MergeRule("only", .disjoint),
        ]
        var merger = try Merger(federation: "f", sources: ["b", "a"].map { MergeSource($0) }, rules: rules)
        let a: [(String, JSON)] = [("count", 2), ("high", 3), ("lowest", 1.5), ("name", "x"), ("only", 1)]
        let b: [(String, JSON)] = [("count", 5), ("high", 9), ("lowest", 1), ("name", "y"), ("only", 2)]
        #expect(try merger.add(whole("b", 1, b)).isEmpty)
        #expect(try merger.add(whole("b", 0)).isEmpty)
        #expect(merger.waitsFor == ["a"])
        #expect(try merger.add(whole("a", 0)).map(\.link.tick) == [0])
        let merged = try #require(try merger.add(whole("a", 1, a)).first)
        #expect(
            merged.values.map { "\($0.key)=\($0.value.text)" }
                == ["count=7", "high=9", "lowest=1", "sim:a:name=\"x\"", "sim:b:name=\"y\""])
        #expect(merged.problems.map(\.code) == [.conflict])
        #expect(merged.link.parts.map(\.domain) == ["a", "b"])
        #expect(merged.link.parts.allSatisfy { $0.tick == 1 && $0.stale == 0 })
        #expect(merged.link.hash == merger.chain.head)
        #expect(merged.absent == [])
    }

    @Test func whatDoesNotRepeatIsAConflict() throws {
        var merger = try Merger(federation: "f", sources: [MergeSource("a"), MergeSource("b")])
        _ = try merger.add(whole("a", 0, [("x", 1)]))
        #expect(try merger.add(whole("a", 0, [("x", 1)])).isEmpty)
        let error = try #require(throws: FederationError.self) { _ = try merger.add(whole("a", 0, [("x", 2)])) }
        #expect(error.code == .conflict)
        #expect(throws: FederationError.self) { try merger.add(whole("c", 0)) }
        for tick in Int64(1)..<Int64(Merger.maximumWaiting) { _ = try merger.add(whole("a", tick)) }
        let full = try #require(throws: FederationError.self) {
            _ = try merger.add(whole("a", Int64(Merger.maximumWaiting)))
        }
        #expect(full.code == .limit)
    }

    @Test func aSlowDomainIsMarkedStale() throws {
        var merger = try Merger(
            federation: "f",
            sources: [MergeSource("fast"), MergeSource("slow", lag: 2), MergeSource("late", firstTick: 2)])
        var merged: [MergedTick] = []
        for tick in Int64(0)...3 {
            merged += try merger.add(whole("fast", tick))
            merged += try merger.add(whole("late", tick + 2))
        }
        #expect(merged.map(\.link.tick) == [0, 1])
        #expect(merged.map(\.absent) == [["late", "slow"], ["late", "slow"]])
        merged = try merger.add(whole("slow", 0))
        #expect(merged.map(\.link.tick) == [2])
        #expect(merged.first?.link.parts.map(\.stale) == [0, 0, 2])
        #expect(merged.first?.link.parts.map(\.tick) == [2, 2, 0])
    }

    @Test(arguments: [(LeavePolicy.freeze, Int64(2)), (.freeze, 100), (.delete, 100), (.handOver(to: "a"), 100)])
    func whoLeftIsMergedByItsPolicy(_ policy: LeavePolicy, _ most: Int64) throws {
        var merger = try Merger(federation: "f", sources: [MergeSource("a"), MergeSource("b", maximumStale: most)])
        var merged: [MergedTick] = []
        for tick in Int64(0)...6 { merged += try merger.add(whole("a", tick)) }
        for tick in Int64(0)...1 { merged += try merger.add(whole("b", tick)) }
        #expect(merged.count == 2)
        let departure = Departure(domain: "b", isResignation: false, policy: policy, lastTick: 1, effective: 2)
        merged = try merger.departed(departure)
        #expect(throws: FederationError.self) { try merger.departed(departure) }
        #expect(merged.map(\.link.tick) == [2, 3, 4, 5, 6])
        let stale = merged.map { $0.link.parts.first { $0.domain == "b" }?.stale }
        switch (policy, most) {
        case (.freeze, 2): #expect(stale == [1, 2, nil, nil, nil])
        case (.freeze, _): #expect(stale == [1, 2, 3, 4, 5])
        default: #expect(stale == [nil, nil, nil, nil, nil])
        }
        #expect(throws: FederationError.self) { try merger.joined("b", at: 6) }
        try merger.joined("b", at: 8)
        #expect(try merger.add(whole("a", 7)).count == 1)
        #expect(try merger.add(whole("a", 8)).isEmpty)
        #expect(try merger.add(whole("b", 8)).first?.link.parts.map(\.stale) == [0, 0])
    }

    /// Any order of arrival, departures included: the same merged ticks as when all is there before.
    @Test(arguments: 0..<40)
    func theOrderOfArrivalChangesNothing(_ number: Int) throws {
        var setup = RandomStream(seed: UInt64(number), domain: "test", purpose: "sources")
        let names = (0..<(2 + setup.below(4))).map { "d\($0)" }
        let sources = names.map { name in
            MergeSource(
                name, firstTick: setup.chance(0.3) ? Int64(setup.below(4)) : 0, lag: Int64(setup.below(3)),
                maximumStale: Int64(setup.below(5)))
        }
        let end: Int64 = 15
        let policies: [LeavePolicy] = [.freeze, .delete]
        let departures = names.dropFirst().filter { _ in setup.chance(0.4) }.map { name in
            Departure(
                domain: name, isResignation: true, policy: policies[setup.below(2)],
                lastTick: Int64(4 + setup.below(5)),
                effective: 20)
        }
        enum Arrival { case tick(WholeTick), departure(Departure) }
        var arrivals: [Arrival] = departures.map(Arrival.departure)
        for source in sources {
            let last = departures.first { $0.domain == source.domain }?.lastTick ?? end
            for tick in source.firstTick...last {
                arrivals.append(.tick(try whole(source.domain, tick, [("n", .integer(Int64(setup.below(9))))])))
            }
        }
        var results: [[String]] = []
        for order in 0..<4 {
            var stream = RandomStream(seed: UInt64(number), domain: "test", purpose: "arrival", entity: UInt64(order))
            if order > 0 { stream.shuffle(&arrivals) }
            var merger = try Merger(federation: "f", sources: sources, rules: [MergeRule("n", .sum)])
            var merged: [MergedTick] = []
            for arrival in arrivals {
                switch arrival {
                case .tick(let whole): merged += try merger.add(whole)
                case .departure(let departure): merged += try merger.departed(departure)
                }
            }
            let last = try MergedChain(federation: "f").verify(merged.map(\.link))
            #expect(last.head == merger.chain.head)
            results.append(
                merged.map {
                    "\($0.link.hash?.hex ?? "-") \($0.values.map(\.value.text)) \($0.absent) \($0.link.parts.map(\.stale))"
                })
        }
        #expect(!results[0].isEmpty)
        for result in results.dropFirst() { #expect(result == results[0]) }
    }

    // MARK: - Functions

    @Test(arguments: [MergeFunction.sum, .minimum, .maximum])
    func theGivenFunctionsAreWhatTheyAreDeclared(_ function: MergeFunction) throws {
        let samples: [JSON] = [0, 1, -7, 1_000_000, 3.0, 0.5, 3]
        #expect(try MergeCheck.check(function, samples: samples) == nil)
    }

    @Test func functionsThatDependOnTheOrderAreFound() throws {
        let numbers: [JSON] = [1, 2, 3, 4, 5]
        let functions: [MergeFunction] = [
            MergeFunction("first") { one, _ in one },
            MergeFunction("difference") { one, other in .integer((one.integerValue ?? 0) - (other.integerValue ?? 0)) },
            // Commutative, and not associative.
            MergeFunction("mean") { one, other in .double(((one.doubleValue ?? 0) + (other.doubleValue ?? 0)) / 2) },
        ]
        for function in functions {
            #expect(try MergeCheck.check(function, samples: numbers) != nil, "\(function.name)")
        }
        // Floating point sums are not associative: they are defined by the order of the names.
        #expect(try MergeCheck.check(.sum, samples: [0.1, 0.2, 0.3, 1e17, -1e17]) != nil)
        let union = MergeFunction("union") { one, other in
            .array(Set((one.arrayValue ?? []) + (other.arrayValue ?? [])).sorted { $0.text < $1.text })
        }
        #expect(try MergeCheck.check(union, samples: [[1, 2], [2], [], [7, 1]]) == nil)
        #expect(try MergeCheck.check(union, samples: []) == nil)
    }

    @Test(
        arguments: [(JSON.integer(.max), JSON.integer(1)), (.double(1e308), .double(1e308)), ("x", 1), (1, .null)]
            as [(JSON, JSON)])
    func whatCannotBeSummedIsAnError(_ one: JSON, _ other: JSON) {
        #expect(throws: FederationError.self) { try MergeFunction.sum.combine(one, other) }
    }

    // MARK: - Chain

    private func links(_ count: Int64) throws -> [MergedLink] {
        var chain = MergedChain(federation: "f")
        return try (0..<count).map { tick in
            try chain.add(
                tick: tick,
                parts: ["b", "a"].map {
                    MergedPart(
                        domain: $0, tick: tick, stale: 0, chain: root($0, tick).hex, stateRoot: root($0 + "s", tick).hex
                    )
                })
        }
    }

    @Test func aDomainsRootLiesInTheTicksRoot() throws {
        let link = try #require(try links(4).last)
        let head = try #require(link.hash)
        #expect(link.proves("a", chain: root("a", 3), stateRoot: root("as", 3), head: head))
        #expect(!link.proves("a", chain: root("a", 3), stateRoot: root("as", 2), head: head))
        #expect(!link.proves("b", chain: root("a", 3), stateRoot: root("as", 3), head: head))
        #expect(!link.proves("a", chain: root("a", 3), stateRoot: root("as", 3), head: root("a", 1)))
        let json = try JSONCoder.encode(link)
        #expect(try JSONCoder.decode(MergedLink.self, from: json) == link)
    }

    /// The hash by hand: SHA-256 of the fields as `StateHasher` writes them.
    @Test func theHashIsTheFormula() throws {
        let links = try links(2)
        var hasher = StateHasher()
        hasher.add(try #require(links[0].hash).bytes)
        hasher.add(Int64(1))
        for name in ["a", "b"] {
            hasher.add(Array(name.utf8))
            hasher.add(root(name, 1).bytes)
            hasher.add(root(name + "s", 1).bytes)
        }
        #expect(links[1].hash == hasher.finish())
    }

    @Test(arguments: 0..<7)
    func anyChangeOfAChainIsFound(_ change: Int) throws {
        var links = try links(5)
        switch change {
        case 0: links[2].parts[0].stateRoot = root("x", 1).hex
        case 1: links[2].parts[1].chain = root("x", 1).hex
        case 2: links[2].parts.swapAt(0, 1)
        case 3: links.remove(at: 2)
        case 4: links[2].tick = 7
        case 5: links[2].parts[0].domain = "aa"
        default: links[2].parts[0].chain = "no hash"
        }
        #expect(throws: FederationError.self) { try MergedChain(federation: "f").verify(links) }
        #expect(throws: FederationError.self) { try MergedChain(federation: "g").verify(self.links(1)) }
    }

    // MARK: - Interests

    @Test func noValueGoesToWhoHasNoInterest() throws {
        var table = InterestTable()
        #expect(try table.put("sim:a:1", InterestSubject(domain: "a", type: "car", zone: "north", x: 1, y: 1)).isEmpty)
        let cars = try table.declare(DomainInterest("b", name: "cars", types: ["car"], zones: ["north", "south"]))
        #expect(cars == [InterestChange(subscriber: "b", key: "sim:a:1", isEntering: true)])
        let region = DomainInterest.Region(minimumX: 1, minimumY: 0, maximumX: 5, maximumY: 1)
        #expect(try table.declare(DomainInterest("c", name: "near", region: region)).map(\.subscriber) == ["c"])
        #expect(table.hearers(of: "sim:a:1") == ["b", "c"])
        let moved = try table.put("sim:a:1", InterestSubject(domain: "a", type: "car", zone: "east", x: 5, y: 1))
        #expect(moved == [InterestChange(subscriber: "b", key: "sim:a:1", isEntering: false)])
        #expect(try table.put("sim:b:1", InterestSubject(domain: "b", type: "car", zone: "north")).isEmpty)
        #expect(try table.withdraw("c", name: "near").map(\.isEntering) == [false])
        #expect(throws: FederationError.self) { try table.withdraw("c", name: "near") }
        #expect(table.remove("sim:a:1").isEmpty)
        #expect(throws: FederationError.self) { try table.put("x", InterestSubject(domain: "a", x: .nan)) }
        let wrong = DomainInterest.Region(minimumX: 2, minimumY: 0, maximumX: 1, maximumY: 1)
        #expect(throws: FederationError.self) { try table.declare(DomainInterest("c", name: "n", region: wrong)) }
        let names = (0...InterestTable.maximumNames).map { "t\($0)" }
        #expect(throws: FederationError.self) { try table.declare(DomainInterest("c", name: "n", types: names)) }
    }

    /// Enters and leaves, applied one after another, give at any time who should hear of what by looking at all interests.
    @Test(arguments: 0..<40)
    func changesAddUpToWhoIsInterested(_ number: Int) throws {
        var stream = RandomStream(seed: UInt64(number), domain: "test", purpose: "interest")
        let domains = ["a", "b", "c"]
        let words = ["p", "q", "r"]
        var table = InterestTable()
        var interests: [DomainInterest] = []
        var subjects: [String: InterestSubject] = [:]
        var heard: Set<String> = []
        for _ in 0..<80 {
            let who = domains[stream.below(3)]
            let name = "i\(stream.below(3))"
            let key = "k\(stream.below(6))"
            let changes: [InterestChange]
            switch stream.below(5) {
            case 0:
                func some() -> [String]? { stream.chance(0.5) ? nil : words.filter { _ in stream.chance(0.5) } }
                let x = Double(stream.below(4))
                let region = DomainInterest.Region(minimumX: x, minimumY: 0, maximumX: x + 2, maximumY: 9)
                let interest = DomainInterest(
                    who, name: name, domains: stream.chance(0.5) ? nil : ["a", "b"], types: some(), zones: some(),
                    region: stream.chance(0.5) ? nil : region)
                interests.removeAll { $0.subscriber == who && $0.name == name }
                interests.append(interest)
                changes = try table.declare(interest)
            case 1:
                guard interests.contains(where: { $0.subscriber == who && $0.name == name }) else { continue }
                interests.removeAll { $0.subscriber == who && $0.name == name }
                changes = try table.withdraw(who, name: name)
            case 2:
                subjects[key] = nil
                changes = table.remove(key)
            default:
                let subject = InterestSubject(
                    domain: who, type: words[stream.below(3)], zone: stream.chance(0.3) ? nil : words[stream.below(3)],
                    x: Double(stream.below(6)), y: stream.chance(0.2) ? nil : 1)
                subjects[key] = subject
                changes = try table.put(key, subject)
            }
            for change in changes {
                let line = "\(change.subscriber) \(change.key)"
                #expect(heard.contains(line) != change.isEntering)
                if change.isEntering { heard.insert(line) } else { heard.remove(line) }
            }
            var expected: Set<String> = []
            for (key, subject) in subjects {
                for interest in interests where interest.matches(subject) {
                    expected.insert("\(interest.subscriber) \(key)")
                }
            }
            #expect(heard == expected)
        }
    }

    // MARK: - Saves

    @Test func aSaveIsCompleteWhenAllHaveKeptTheSameTick() throws {
        var table = try GrantTable(["a", "b"].map { FederationDomain($0) } + [FederationDomain("c", isFounder: false)])
        for tick in Int64(1)...3 { _ = try table.sealed("b", tick) }
        #expect(throws: FederationError.self) { try SaveBarrier("s", at: 2, of: table) }
        #expect(throws: FederationError.self) { try SaveBarrier("", at: 3, of: table) }
        var save = try SaveBarrier("s", at: 3, of: table)
        #expect(save.state == .incomplete(missing: ["a", "b"]))
        try save.checkpointed("b", at: 3, stateRoot: root("b", 3))
        try save.checkpointed("b", at: 3, stateRoot: root("b", 3))
        #expect(throws: FederationError.self) { try save.checkpointed("b", at: 3, stateRoot: root("b", 4)) }
        #expect(throws: FederationError.self) { try save.checkpointed("a", at: 4, stateRoot: root("a", 4)) }
        #expect(throws: FederationError.self) { try save.checkpointed("c", at: 3, stateRoot: root("c", 3)) }
        #expect(save.state == .incomplete(missing: ["a"]))
        #expect(save.hash == nil)
        var failed = save
        failed.fail("a", "lost")
        #expect(failed.state == .failed(reason: "a: lost"))
        #expect(throws: FederationError.self) { try failed.checkpointed("a", at: 3, stateRoot: root("a", 3)) }
        try save.checkpointed("a", at: 3, stateRoot: root("a", 3))
        #expect(save.state == .complete)
        let hash = try #require(save.hash)
        save.fail("a", "too late")
        #expect(save.hash == hash)
        #expect(try JSONCoder.decode(SaveBarrier.self, from: JSONCoder.encode(save)) == save)
    }
}
