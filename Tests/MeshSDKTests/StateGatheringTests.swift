import MeshCore
import Testing

@testable import MeshSDK

/// Pages that were read while the state changed, and the changes, make one state.
@Suite struct StateGatheringTests {
    private static func entry(_ key: String, _ value: JSON, at revision: Int64) -> StateList.Entry {
        .init(key: key, value: value, updatedBy: "ada", updatedAt: "", version: 1, revision: revision)
    }

    private static func write(_ key: String, _ value: JSON?, at revision: Int64) -> StateGathering.Write {
        .init(
            changes: [.init(key: key, value: value ?? .null, version: 2, deleted: value == nil)], revision: revision,
            updatedBy: .init(name: "bob", key: nil), updatedAt: "")
    }

    @Test func theNewestOfPageAndChangeWins() {
        let pages = StateList(
            entries: [Self.entry("a", 1, at: 5), Self.entry("b", 1, at: 9), Self.entry("c", 1, at: 2)], revision: 9,
            more: false)
        var gathering = StateGathering()
        gathering.add(Self.write("a", 2, at: 7))
        gathering.add(Self.write("b", 0, at: 8))
        gathering.add(Self.write("c", nil, at: 10))
        gathering.add(Self.write("0", 3, at: 11))
        let (entries, revision) = gathering.snapshot(pages)
        #expect(entries.map(\.key) == ["0", "a", "b"])
        #expect(entries.map(\.value) == [3, 2, 1])
        #expect(entries.map(\.updatedBy) == ["bob", "bob", "ada"])
        #expect(revision == 11)
    }

    @Test func whatWasDeletedAndSetAgainIsThere() {
        var gathering = StateGathering()
        gathering.add(Self.write("k", nil, at: 3))
        gathering.add(Self.write("k", 5, at: 4))
        let early = StateList(entries: [Self.entry("k", 1, at: 1)], revision: 2, more: false)
        #expect(gathering.snapshot(early).entries.map(\.value) == [5])
        let late = StateList(entries: [Self.entry("k", 5, at: 4)], revision: 4, more: false)
        #expect(gathering.snapshot(late).entries.map(\.value) == [5])
    }
}
