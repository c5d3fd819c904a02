import Testing

@testable import MeshSim

@Suite struct SeatTableTests {
    private static func kinds(_ changes: [SeatChange]) -> [String] {
        changes.map { "\($0.seat) \($0.kind.rawValue) \($0.generation)" }
    }

    @Test func changesTakeEffectAtTheNextTick() throws {
        var table = SeatTable()
        try table.take(Seat("b", mind: .model, role: "guard"))
        try table.take(Seat("a", mind: .coded))
        #expect(table.current.isEmpty)
        #expect(
            table.beginTick() == [
                SeatChange(seat: "a", kind: .joined, generation: 1, mind: "coded"),
                SeatChange(seat: "b", kind: .joined, generation: 1, mind: "model", role: "guard"),
            ])
        #expect(table.beginTick() == [])
        try table.giveUp("a")
        #expect(table["a"] != nil)
        #expect(try table.handOver("b", to: .human) == 2)
        #expect(Self.kinds(table.beginTick()) == ["a left 1", "b handedOver 2"])
        #expect(table["a"] == nil)
        #expect(table["b"]?.mind == .human)
    }

    @Test func whoComesBackIsAnotherHolder() throws {
        var table = SeatTable()
        #expect(try table.take(Seat("a", mind: .coded)) == 1)
        _ = table.beginTick()
        // Within one tick: another body.
        try table.giveUp("a")
        #expect(try table.take(Seat("a", mind: .coded)) == 2)
        #expect(Self.kinds(table.beginTick()) == ["a left 1", "a joined 2"])
        // A tick apart, and several hand-overs at once.
        try table.giveUp("a")
        _ = table.beginTick()
        #expect(try table.take(Seat("a", mind: .coded)) == 3)
        try table.handOver("a", to: .human)
        #expect(try table.handOver("a", to: .model) == 5)
        #expect(Self.kinds(table.beginTick()) == ["a joined 5"])
        // Who comes and goes between two ticks was never there.
        try table.take(Seat("b", mind: .coded))
        try table.giveUp("b")
        #expect(table.beginTick() == [])
    }

    @Test func demotingAndReadmittingUndoEachOther() throws {
        var table = SeatTable()
        try table.take(Seat("a", mind: .coded))
        _ = table.beginTick()
        try table.demote("a")
        try table.readmit("a")
        #expect(table.beginTick() == [])
        try table.demote("a")
        #expect(Self.kinds(table.beginTick()) == ["a demoted 1"])
        try table.readmit("a")
        #expect(Self.kinds(table.beginTick()) == ["a readmitted 1"])
    }

    @Test func limits() throws {
        var table = SeatTable()
        for name in ["", "two words", "zoë", "K\u{212A}", String(repeating: "x", count: 65)] {
            #expect(throws: SimError.self) { try table.take(Seat(name, mind: .coded)) }
        }
        #expect(throws: SimError.self) { try table.take(Seat("a", mind: .coded, maximumPending: 65)) }
        #expect(throws: SimError.self) { try table.take(Seat("a", mind: .coded, stalenessLimit: -1)) }
        #expect(throws: SimError.self) { try table.take(Seat("a", mind: Mind(rawValue: ""))) }
        #expect(throws: SimError.self) { try table.take(Seat("a", mind: .coded, latePolicy: .idle(ticks: 0))) }
        #expect(throws: SimError.self) { try table.giveUp("a") }
        #expect(throws: SimError.self) { try table.readmit("a") }
        #expect(throws: SimError.self) { try table.handOver("a", to: .human) }
        for number in 0..<SeatTable.maximumSeats { try table.take(Seat("s\(number)", mind: .coded)) }
        #expect(throws: SimError.self) { try table.take(Seat("one-more", mind: .coded)) }
        #expect(throws: SimError.self) { try table.take(Seat("s1", mind: .coded)) }
        #expect(table.beginTick().count == SeatTable.maximumSeats)
    }

    /// Every generation of a name is a new one, though the memory of names is bounded.
    @Test func generationsNeverComeAgain() throws {
        var table = SeatTable()
        try table.take(Seat("a", mind: .coded))
        try table.handOver("a", to: .human)
        try table.giveUp("a")
        for number in 0..<SeatTable.maximumSeats {
            try table.take(Seat("s\(number)", mind: .coded))
            try table.giveUp("s\(number)")
        }
        #expect(try table.take(Seat("a", mind: .coded)) == 3)
    }
}
