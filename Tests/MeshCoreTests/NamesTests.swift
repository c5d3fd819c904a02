import MeshCore
import Testing

@Suite struct NamesTests {
    @Test(arguments: ["a", "Zoë", "build agent 7", "名前", "😀", "a.b-c_d", "x\u{301}", String(repeating: "n", count: 64)])
    func `a name may be any short text`(name: String) {
        #expect(throws: Never.self) { try Names.checkName(name) }
    }

    @Test(arguments: [
        "", String(repeating: "n", count: 65), "a@b", "#a", "*", "a,b", "a/b", "a|b", "a\nb", "a\u{0}", "\u{7F}",
        "a\u{85}b",
        "a\u{2028}b", "a\u{2029}b", "a\u{202E}b", "a\u{2066}b", " a", "a ", String(repeating: "0", count: 64),
        String(repeating: "👨‍👩‍👧‍👦", count: 30),
    ])
    func `a name that could be taken for something else is refused with its field`(name: String) {
        let error = meshError { try Names.checkName(name, field: "label") }
        #expect(error?.code == .invalidArgument)
        #expect(error?.details["field"] == "label")
    }

    @Test(arguments: ["a", "eng/web", "a/b/c", "v1.2_x-y", "équipe", "all/x", String(repeating: "g", count: 64)])
    func `a group is parts of letters, digits and marks`(name: String) {
        #expect(throws: Never.self) { try Names.checkGroup(name) }
    }

    @Test(arguments: [
        "", "/", "a/", "/a", "a//b", "a b", "@a", "a*", "all", "a\u{0}", String(repeating: "g", count: 65),
    ])
    func `another text is no group`(name: String) {
        #expect(meshError { try Names.checkGroup(name) }?.code == .invalidArgument)
    }

    @Test(arguments: ["a", "0", "my-mesh-2", String(repeating: "s", count: 63)])
    func `a mesh's name is lower-case letters, digits and hyphens`(slug: String) {
        #expect(throws: Never.self) { try Names.checkSlug(slug) }
    }

    @Test(arguments: ["", "-a", "a-", "A", "a_b", "a b", "é", "a/b", String(repeating: "s", count: 64)])
    func `another text is no mesh's name`(slug: String) {
        #expect(meshError { try Names.checkSlug(slug) }?.code == .invalidArgument)
    }

    @Test(
        arguments: [
            ("*", .all), ("@all", .all), ("@eng/web", .group("eng/web")), ("#news", .topic("news")),
            ("alice", .name("alice")), ("alice/build", .name("alice/build")), ("deadbeef", .name("deadbeef")),
            (Keys.a.publicKey.hex, .key(Keys.a.publicKey)),
        ] as [(String, Target)])
    func `a target is told by its mark`(text: String, target: Target) throws {
        #expect(try Target(text) == target)
    }

    @Test(arguments: ["", "@", "@a b", "@/", String(repeating: "x", count: 257)])
    func `a target that cannot be read is refused`(text: String) {
        #expect(meshError { _ = try Target(text) }?.code == .invalidArgument)
    }
}
