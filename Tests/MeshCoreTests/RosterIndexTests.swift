import Testing

@testable import MeshCore

/// Look-ups by index say what going through everyone would say, after any change.
@Suite struct RosterIndexTests {
    private var roster = Roster()
    private var keys: [PublicKey] = []

    init() {
        for number in 1...20 as ClosedRange<Int64> {
            let key = SigningKey().publicKey
            roster.insert(
                Member(
                    number: .init(rawValue: number), id: "m\(number)", key: key, name: "member-\(number)",
                    role: .member,
                    joinedAt: 0))
            for place in 0..<3 as Range<Int64> {
                let sessionKey = SigningKey().publicKey
                keys.append(sessionKey)
                var session = Session(
                    number: .init(rawValue: number * 3 + place), member: .init(rawValue: number), key: sessionKey,
                    label: "label-\(place)", isForeign: false, hasKey: true, isProven: true, binding: nil,
                    acknowledges: true, dialect: .mesh, seenAt: 0)
                session.groups = [
                    GroupMembership(name: "a/b\(place)", role: nil), GroupMembership(name: "a", role: nil),
                ]
                roster.insert(session)
            }
        }
    }

    private func check(_ roster: Roster) {
        for label in ["label-0", "label-1", "new"] {
            #expect(
                roster.sessions(labelled: label) == roster.sessionOrder.filter { roster.sessions[$0]?.label == label })
        }
        for group in ["a", "a/b0", "a/b1", "b", "c/d", "c"] {
            #expect(
                roster.sessions(inGroup: group, at: 0)
                    == roster.sessionOrder.filter {
                        roster.sessions[$0]?.groups.contains { $0.name == group || $0.name.hasPrefix(group + "/") }
                            ?? false
                    })
        }
        for key in keys.prefix(5) {
            let prefix = String(key.hex.prefix(12))
            #expect(
                roster.sessions(keyPrefix: prefix)
                    == roster.sessionOrder.filter { roster.sessions[$0]?.claimedKey?.hex.hasPrefix(prefix) == true })
        }
        #expect(roster.sessions(keyPrefix: "zzzzzzzz").isEmpty)
    }

    @Test func itFollowsEveryChange() {
        var roster = roster
        check(roster)
        let number = roster.sessionOrder[4]
        _ = roster.update(number) {
            $0.label = "new"
            $0.groups = [GroupMembership(name: "c/d", role: nil)]
        }
        check(roster)
        roster.remove(roster.sessionOrder[0])
        check(roster)
    }

    @Test func aCopyThatChangesTellsTheOtherNothing() {
        check(roster)
        var copy = roster
        _ = copy.update(copy.sessionOrder[0]) { $0.label = "new" }
        #expect(copy.sessions(labelled: "new").count == 1)
        #expect(roster.sessions(labelled: "new").isEmpty)
        check(roster)
        check(copy)
    }

    @Test func whatIsNamedTwiceIsLookedUpOnce() throws {
        let spec = TargetSpec(Array(repeating: "member-1", count: 200) + ["@a", "@a"])
        #expect(try roster.resolve(spec, from: nil, at: 0).recipients.count == 60)
    }
}
