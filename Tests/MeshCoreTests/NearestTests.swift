import Testing

@testable import MeshCore

@Suite struct NearestTests {
    @Test(
        arguments: [
            ("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ab", 1), ("ab", "ba", 1),
            ("kitten", "sitting", 3), ("alice", "alcie", 1), ("ca", "abc", 3), ("é", "e", 1),
        ])
    func `the distance counts changes, and a swap once`(left: String, right: String, distance: Int) {
        let (left, right) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
        #expect(Nearest.editDistance(left, right) == distance)
        #expect(Nearest.editDistance(right, left) == distance)
    }

    @Test(
        arguments: [
            ("alic", ["bob", "alice", "alicia"], ["alice", "alicia"]), ("ALICE", ["alice"], ["alice"]),
            ("bbo", ["bob", "bab", "rob"], ["bob", "bab", "rob"]), ("x", ["y", "z"], []), ("ab", ["cd"], []),
            ("builder-eins", ["builder-1", "builder-2", "tester"], ["builder-1", "builder-2"]), ("zzz", ["alice"], []),
            ("bob", ["bob", "bob", "bop"], ["bob", "bop"]), ("", ["alice"], []), ("alice", [], []),
        ])
    func `the nearest names come first, each once, and none that is far`(
        wanted: String, known: [String], found: [String]
    ) {
        #expect(Nearest.names(to: wanted, among: known, limit: 3) == found)
    }

    @Test func `no more are named than asked for`() {
        let known = (0..<10).map { "peer\($0)" }
        #expect(Nearest.names(to: "peer", among: known, limit: 3) == ["peer0", "peer1", "peer2"])
        #expect(Nearest.names(to: "peer", among: known, limit: 0) == [])
    }

    @Test func `a long name costs no more than its beginning`() {
        let long = String(repeating: "a", count: 100_000)
        #expect(Nearest.names(to: long, among: [long + "b"], limit: 1).count == 1)
    }

    @Test func `of many names the nearest is found, and few are compared`() {
        let known = (0..<5_000).map { "worker-\($0)-of-the-large-mesh" }
        #expect(
            Nearest.names(to: "worker-4321-of-the-large-mehs", among: known, limit: 1)
                == ["worker-4321-of-the-large-mesh"])
    }
}
