import MeshCore
import Orchard
import Testing

@testable import MeshSim

/// Who may order, who holds a seat and whose values a domain's are, is decided by member keys: a name is anybody's.
@Suite struct AuthorityTests {
    private let ada = SimMember(SigningKey().publicKey, name: "ada")
    private let bob = SimMember(SigningKey().publicKey, name: "bob")

    private func machine() throws -> ControllerMachine<Orchard> {
        var settings = ControllerSettings()
        settings.ticks = 50
        settings.minimumSeats = 9
        let key = ada.key
        settings.mayCommand = { $0 == key }
        let host = try SimHost<Orchard>(sim: "orchard", parameters: Orchard.Parameters(), seed: 1)
        var machine = try ControllerMachine(host, settings: settings)
        _ = try machine.begin(now: 0)
        return machine
    }

    /// The codes of the errors that a message is answered with.
    private func codes(
        _ machine: inout ControllerMachine<Orchard>, _ message: SimMessage, _ place: String, _ member: SimMember
    ) -> [String] {
        machine.receive(message, from: place, member: member, now: 0).compactMap {
            if case .send(.error(let fault), _) = $0 { fault.code } else { nil }
        }
    }

    @Test func `a member of the commander's name commands nothing`() throws {
        var machine = try machine()
        let impostor = SimMember(bob.key, name: ada.name)
        let stop = SimMessage.command(SimCommand(sequence: 1, command: "stop"))
        let refused = codes(&machine, stop, "x", impostor)
        #expect(refused == ["forbidden"])
        #expect(!machine.isEnded)
        // A commander that was renamed still is one.
        _ = machine.receive(stop, from: "x", member: SimMember(ada.key, name: "ada the second"), now: 0)
        #expect(machine.isEnded)
    }

    @Test func `a seat is its holder's, whatever name or place another comes with`() throws {
        var machine = try machine()
        _ = machine.receive(.join(SimJoin(name: "s", mind: .coded)), from: "a", member: bob, now: 0)
        let thief = SimMember(SigningKey().publicKey, name: bob.name)
        for (join, place) in [
            (SimJoin(name: "s", mind: .coded), "x"), (SimJoin(name: "s", mind: .coded, resume: 1), "x"),
            (SimJoin(name: "s", mind: .coded), "a"),
        ] {
            let refused = codes(&machine, .join(join), place, thief)
            #expect(refused == ["no_seat"])
        }
        let action = SimAction(seat: "s", generation: 1, sequence: 1, basedOn: 0, action: "pick")
        let refused = codes(&machine, .action(action), "a", thief)
        #expect(refused == ["not_your_seat"])
        _ = machine.receive(.leave(SimLeave(seat: "s", generation: 1)), from: "a", member: thief, now: 0)
        #expect(machine.holders["s"]?.member == bob.key)
        // The holder comes back from another place, under another name.
        let back = SimMember(bob.key, name: "robert")
        let faults = codes(&machine, .join(SimJoin(name: "s", mind: .coded, resume: 1)), "b", back)
        #expect(faults.isEmpty && machine.holders["s"]?.address == "b")
    }

    @Test func `a seat is handed over to a key, and a name is refused`() throws {
        var machine = try machine()
        _ = machine.receive(.join(SimJoin(name: "s", mind: .coded)), from: "a", member: bob, now: 0)
        func order(_ member: String) -> SimMessage {
            .command(
                SimCommand(
                    sequence: 1, command: "hand_over",
                    arguments: ["seat": "s", "mind": "human", "member": .string(member)]))
        }
        let carol = SimMember(SigningKey().publicKey, name: "carol")
        let other = SimMember(SigningKey().publicKey, name: "carol")
        let join = SimMessage.join(SimJoin(name: "s", mind: .human))
        let answers = [
            codes(&machine, order("carol"), "x", ada), codes(&machine, order(carol.key.hex), "x", ada),
            codes(&machine, join, "y", other), codes(&machine, join, "y", carol),
        ]
        #expect(answers == [["bad_field"], [], ["no_seat"], []])
        #expect(machine.holders["s"]?.member == carol.key)
    }

    @Test func `holders go through a checkpoint by key, and those of older records by their place`() throws {
        var machine = try machine()
        _ = machine.receive(.join(SimJoin(name: "s", mind: .coded)), from: "a", member: bob, now: 0)
        let held = try JSONCoder.encode(machine.heldSeats)
        let read = try JSONCoder.decode([ControllerMachine<Orchard>.HeldSeat].self, from: held)
        #expect(read.map(\.member) == [bob.key.hex] && read.map(\.name) == ["bob"])
        let old = try JSONCoder.decode(
            [ControllerMachine<Orchard>.HeldSeat].self,
            from: [["seat": "s", "address": "a", "member": "bob", "generation": 1]])
        let holder = ControllerMachine<Orchard>.Holder(
            address: old[0].address, member: PublicKey(hex: old[0].member), name: old[0].member, generation: 1)
        #expect(holder.isHeld(by: bob, at: "a") && !holder.isHeld(by: bob, at: "b"))
    }

    @Test func `the first that writes a domain is it, and one that is named before it is it alone`() {
        var authors = DomainAuthors()
        var named = DomainAuthors([DomainInput("east", author: bob.key)])
        let first = [nil, ada.key, ada.key, bob.key].map { authors.accepts($0, of: "east") }
        #expect(first == [false, true, true, false])
        let other = authors.accepts(bob.key, of: "west")
        #expect(other)
        let known = [ada.key, bob.key].map { named.accepts($0, of: "east") }
        #expect(known == [false, true])
    }
}
