import Testing

@testable import MeshSim

@Suite struct FederationGrantTests {
    private func ring() throws -> GrantTable {
        try GrantTable([
            FederationDomain("a", inputs: [DomainInput("b")]), FederationDomain("b", inputs: [DomainInput("c")]),
            FederationDomain("c", inputs: [DomainInput("a", lookahead: 3)]), FederationDomain("free"),
        ])
    }

    @Test func aDomainWaitsForItsInputs() throws {
        var table = try ring()
        #expect(try table.mayEnter("a", 1) == .granted)
        #expect(try table.sealed("a", 1) == .new)
        #expect(try table.mayEnter("a", 2) == .waits(for: [DomainTick("b", at: 1)]))
        #expect(throws: FederationError.self) { try table.sealed("a", 2) }
        #expect(try table.mayEnter("a", 3) == .waits(for: [DomainTick("a", at: 2), DomainTick("b", at: 2)]))
        _ = try table.sealed("b", 1)
        #expect(try table.mayEnter("a", 2) == .granted)
        // Three ticks of lookahead let c run three ticks ahead of a.
        for tick in Int64(1)...4 { #expect(try table.sealed("c", tick) == .new) }
        #expect(try table.mayEnter("c", 5) == .waits(for: [DomainTick("a", at: 2)]))
        #expect(table.galt == 0)
        for tick in Int64(1)...9 { _ = try table.sealed("free", tick) }
        #expect(table.galt == 1)
    }

    @Test func whatIsReadDoesNotDependOnWhoIsAhead() throws {
        var table = try ring()
        for tick in Int64(1)...3 { _ = try table.sealed("c", tick) }
        #expect(try table.reads("b", 1) == [DomainRead(input: "c", source: "c", tick: 0)])
        #expect(try table.reads("c", 2) == [DomainRead(input: "a", source: nil, tick: -1)])
        #expect(try table.reads("c", 3) == [DomainRead(input: "a", source: "a", tick: 0)])
    }

    @Test(arguments: [
        (["a": ["b"], "b": ["c"], "c": ["a"], "d": []], [[String]](), "a -> b -> c -> a"),
        (["a": ["b"], "b": ["c"], "c": ["d"], "d": ["c"]], [], "c -> d -> c"),
        (["a": ["b"], "b": ["a"], "c": ["a"], "d": ["c"]], [["a", "b"]], nil),
        // A loop of two is one phase; a way out and back in again is a cycle still.
        (["a": ["b"], "b": ["a", "c"], "c": ["a"], "d": []], [["a", "b"]], "a -> c -> a"),
        (["a": [], "b": ["a"], "c": ["a", "b"], "d": ["a", "b", "c"]], [], nil),
    ])
    func phasesOfOneTickHaveNoCycle(
        _ inputs: [String: [String]], _ loops: [[String]], _ cycle: String?
    ) throws {
        let domains = ["d", "a", "c", "b"].map { name in
            FederationDomain(name, inputs: (inputs[name] ?? []).map { DomainInput($0, lookahead: 0) })
        }
        let make = { try GrantTable(domains, loops: loops.map { DomainLoop($0, maximumIterations: 5) }) }
        if let cycle {
            let error = try #require(throws: FederationError.self) { _ = try make() }
            #expect(error.code == .cycle)
            #expect(error.description.contains(cycle), "\(error)")
        } else {
            _ = try make()
        }
    }

    @Test func aHeirIsReadByTheReadersOfWhomItTakesOver() throws {
        // d reads e now, h reads d now, and h takes over from e: h and d would wait for each other.
        let error = try #require(throws: FederationError.self) {
            _ = try GrantTable([
                FederationDomain("d", inputs: [DomainInput("e", lookahead: 0)]),
                FederationDomain("e", leavePolicy: .handOver(to: "h")),
                FederationDomain("h", inputs: [DomainInput("d", lookahead: 0)]),
            ])
        }
        #expect(error.code == .cycle)
    }

    @Test func declarationsAreChecked() {
        func fails(_ domains: [FederationDomain], _ loops: [DomainLoop] = []) -> Bool {
            do throws(FederationError) {
                _ = try GrantTable(domains, loops: loops)
                return false
            } catch { return true }
        }
        #expect(fails([FederationDomain("a"), FederationDomain("a")]))
        #expect(fails([FederationDomain("a:b")]))
        #expect(fails([FederationDomain("")]))
        #expect(fails([FederationDomain(String(repeating: "a", count: 65))]))
        #expect(fails([FederationDomain("a", inputs: [DomainInput("b")])]))
        #expect(fails([FederationDomain("a", inputs: [DomainInput("a")])]))
        #expect(fails([FederationDomain("a", inputs: [DomainInput("b"), DomainInput("b")]), FederationDomain("b")]))
        #expect(fails([FederationDomain("a", inputs: [DomainInput("b", lookahead: -1)]), FederationDomain("b")]))
        #expect(fails([FederationDomain("a", inputs: [DomainInput("b", lookahead: .max)]), FederationDomain("b")]))
        #expect(fails([FederationDomain("a", leavePolicy: .handOver(to: "a"))]))
        #expect(fails([FederationDomain("a", leavePolicy: .handOver(to: "b"))]))
        #expect(fails([FederationDomain("a")], [DomainLoop(["a"], maximumIterations: 2)]))
        #expect(fails([FederationDomain("a"), FederationDomain("b")], [DomainLoop(["a", "b"], maximumIterations: 0)]))
        #expect(
            !fails([FederationDomain("a"), FederationDomain("b")], [DomainLoop(["a", "b"], maximumIterations: 1)]))
    }

    @Test func theLastTickIsTheLast() throws {
        let last = FederationLimits.lastTick
        var table = try GrantTable(
            [FederationDomain("a", inputs: [DomainInput("b")]), FederationDomain("b")], startingAt: last - 1)
        #expect(try table.sealed("a", last) == .new)
        #expect(throws: FederationError.self) { try table.mayEnter("a", last + 1) }
        #expect(throws: FederationError.self) { try table.mayEnter("b", .max) }
        #expect(throws: FederationError.self) { try table.reads("b", .min) }
        #expect(throws: FederationError.self) { try GrantTable([], startingAt: -1) }
    }

    // MARK: - Loops

    private func loop(_ exhaustion: DomainLoop.Exhaustion) throws -> GrantTable {
        let both = [DomainInput("x", lookahead: 0), DomainInput("y", lookahead: 0)]
        return try GrantTable(
            [
                FederationDomain("x", inputs: [both[1]]), FederationDomain("y", inputs: [both[0]]),
                FederationDomain("z", inputs: both),
            ],
            loops: [DomainLoop(["y", "x"], maximumIterations: 3, exhaustion: exhaustion)])
    }

    @Test func aLoopRepeatsATickUntilNothingChanges() throws {
        var table = try loop(.fail)
        #expect(try table.mayEnter("x", 1) == .granted)
        #expect(try table.mayEnter("z", 1) == .waits(for: [DomainTick("x", at: 1), DomainTick("y", at: 1)]))
        #expect(try table.iterated("x", 1, iteration: 1, isChanged: true) == .waits(for: ["y"]))
        #expect(try table.iteration("y") == .iterate(1))
        #expect(throws: FederationError.self) { try table.iterated("x", 1, iteration: 1, isChanged: true) }
        #expect(throws: FederationError.self) { try table.iterated("x", 1, iteration: 2, isChanged: true) }
        #expect(throws: FederationError.self) { try table.sealed("x", 1) }
        #expect(try table.iterated("y", 1, iteration: 1, isChanged: false) == .iterate(2))
        #expect(try table.iterated("y", 1, iteration: 2, isChanged: false) == .waits(for: ["x"]))
        #expect(try table.iterated("x", 1, iteration: 2, isChanged: false) == .settled(after: 2))
        for name in ["x", "y", "z"] { #expect(try table.sealed(name, 1) == .new) }
    }

    @Test(arguments: [DomainLoop.Exhaustion.accept, .fail])
    func aLoopEndsAtItsMaximum(_ exhaustion: DomainLoop.Exhaustion) throws {
        var table = try loop(exhaustion)
        for iteration in 1...2 {
            _ = try table.iterated("x", 1, iteration: iteration, isChanged: true)
            #expect(try table.iterated("y", 1, iteration: iteration, isChanged: true) == .iterate(iteration + 1))
        }
        _ = try table.iterated("x", 1, iteration: 3, isChanged: true)
        let end = try table.iterated("y", 1, iteration: 3, isChanged: true)
        #expect(end == .exhausted(after: 3, isAccepted: exhaustion == .accept))
        #expect(throws: FederationError.self) { try table.iterated("y", 1, iteration: 4, isChanged: true) }
        if exhaustion == .accept {
            #expect(try table.sealed("x", 1) == .new)
        } else {
            #expect(throws: FederationError.self) { try table.sealed("x", 1) }
        }
    }

    @Test func aLoopGoesOnWithoutWhoIsLost() throws {
        var table = try loop(.fail)
        _ = try table.iterated("x", 1, iteration: 1, isChanged: false)
        #expect(try table.iteration("x") == .waits(for: ["y"]))
        _ = try table.lost("y")
        #expect(try table.iteration("x") == .settled(after: 1))
        #expect(try table.sealed("x", 1) == .new)
    }

    @Test func whoJoinsALoopMakesTheNextTick() throws {
        let inputs = ["w", "x", "y"].map { DomainInput($0, lookahead: 0) }
        var table = try GrantTable(
            ["w", "x", "y"].map { name in
                FederationDomain(name, inputs: inputs.filter { $0.domain != name }, isFounder: name != "w")
            }, loops: [DomainLoop(["w", "x", "y"], maximumIterations: 3)])
        _ = try table.iterated("x", 1, iteration: 1, isChanged: false)
        try table.join("w", at: table.earliestJoin("w"))
        #expect(table.sealedTick("w") == 1)
        #expect(try table.iterated("y", 1, iteration: 1, isChanged: false) == .settled(after: 1))
        #expect(try table.sealed("x", 1) == .new)
        #expect(try table.mayEnter("x", 2) == .waits(for: [DomainTick("y", at: 1)]))
        #expect(try table.sealed("y", 1) == .new)
        #expect(try table.iterated("x", 2, iteration: 1, isChanged: true) == .waits(for: ["w", "y"]))
    }

    @Test func whoDoesNotReadAnotherOfItsLoopCanBeATickAhead() throws {
        let names = ["x", "y", "z"]
        var table = try GrantTable(
            names.enumerated().map { place, name in
                FederationDomain(name, inputs: [DomainInput(names[(place + 1) % 3], lookahead: 0)])
            }, loops: [DomainLoop(names, maximumIterations: 3)])
        for name in names { _ = try table.iterated(name, 1, iteration: 1, isChanged: false) }
        for name in ["x", "y"] { #expect(try table.sealed(name, 1) == .new) }
        // x reads y, and goes on; z has yet to seal tick 1.
        #expect(try table.iterated("x", 2, iteration: 1, isChanged: true) == .waits(for: ["y", "z"]))
        #expect(try table.iteration("z") == .settled(after: 1))
        #expect(try table.sealed("z", 1) == .new)
    }

    // MARK: - Coming and going

    @Test(arguments: [LeavePolicy.freeze, .delete, .handOver(to: "h")])
    func whoIsLostIsNotWaitedFor(_ policy: LeavePolicy) throws {
        var table = try GrantTable([
            FederationDomain("d", inputs: [DomainInput("e")]), FederationDomain("e", leavePolicy: policy),
            FederationDomain("h"),
        ])
        for tick in Int64(1)...2 { _ = try table.sealed("e", tick) }
        for tick in Int64(1)...5 { _ = try table.sealed("h", tick) }
        for tick in Int64(1)...3 { _ = try table.sealed("d", tick) }
        #expect(try table.mayEnter("d", 4) == .waits(for: [DomainTick("e", at: 3)]))
        let departure = try table.lost("e")
        #expect(departure.lastTick == 2)
        #expect(departure.policy == policy)
        #expect(throws: FederationError.self) { try table.sealed("e", 3) }
        #expect(try table.mayEnter("d", 4) == .granted)
        for tick in Int64(4)...7 { _ = try table.sealed("d", tick) }
        // What was read before stays what it was.
        #expect(try table.reads("d", 3) == [DomainRead(input: "e", source: "e", tick: 2)])
        let read = try table.reads("d", 8)
        switch policy {
        case .freeze:
            #expect(read == [DomainRead(input: "e", source: "e", tick: 2, isFrozen: true)])
            #expect(try table.mayEnter("d", 8) == .granted)
        case .delete:
            #expect(read == [DomainRead(input: "e", source: nil, tick: 7)])
        case .handOver:
            // h may be in tick 6 already: it owns the keys from 7 on, and is waited for then.
            #expect(departure.effective == 7)
            #expect(try table.reads("d", 7) == [DomainRead(input: "e", source: "e", tick: 2, isFrozen: true)])
            #expect(read == [DomainRead(input: "e", source: "h", tick: 7)])
            #expect(try table.mayEnter("d", 8) == .waits(for: [DomainTick("h", at: 7)]))
        }
    }

    @Test func joiningChangesNothingThatWasRead() throws {
        var table = try GrantTable([
            FederationDomain("d", inputs: [DomainInput("e"), DomainInput("f", lookahead: 4)]),
            FederationDomain("e", isFounder: false),
            FederationDomain("f", isFounder: false), FederationDomain("slow"),
        ])
        for tick in Int64(1)...5 { _ = try table.sealed("d", tick) }
        // Whoever is in tick 6 reads e as of 5 and f as of 2, while slow is still at 0.
        #expect(try table.earliestJoin("e") == 6)
        #expect(try table.earliestJoin("f") == 3)
        #expect(throws: FederationError.self) { try table.join("e", at: 5) }
        try table.join("e", at: 6)
        #expect(throws: FederationError.self) { try table.join("e", at: 9) }
        #expect(try table.mayEnter("d", 6) == .granted)
        #expect(
            try table.reads("d", 6) == [
                DomainRead(input: "e", source: nil, tick: 5), DomainRead(input: "f", source: nil, tick: 2),
            ])
        #expect(try table.reads("d", 7)[0] == DomainRead(input: "e", source: "e", tick: 6))
        #expect(table.galt == 0)
        _ = try table.sealed("d", 6)
        _ = try table.resign("e")
        #expect(try table.earliestJoin("e") == 7)
        try table.join("e", at: 9)
        #expect(try table.reads("d", 9)[0] == DomainRead(input: "e", source: "e", tick: 6, isFrozen: true))
        #expect(try table.reads("d", 10)[0] == DomainRead(input: "e", source: "e", tick: 9))
    }

    @Test func whoComesBackMakesItsTicksAgain() throws {
        var table = try ring()
        for tick in Int64(1)...3 { _ = try table.sealed("free", tick) }
        try table.checkpointed("free", 1)
        #expect(throws: FederationError.self) { try table.checkpointed("free", 4) }
        #expect(throws: FederationError.self) { try table.rejoin("free", from: 4) }
        try table.rejoin("free", from: 1)
        #expect(throws: FederationError.self) { try table.sealed("free", 4) }
        #expect(try table.sealed("free", 2) == .repeated)
        #expect(try table.sealed("free", 3) == .repeated)
        #expect(try table.sealed("free", 4) == .new)
        #expect(table.sealedTick("free") == 4)
    }
}
