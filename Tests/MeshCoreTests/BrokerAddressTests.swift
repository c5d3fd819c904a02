import MeshCore
import Testing

@Suite struct BrokerAddressTests {
    private static let pin = String(repeating: "A", count: 43)

    @Test(arguments: [
        ("http://127.0.0.1:7900", "http://127.0.0.1:7900"), ("HTTP://127.0.0.1:7900/", "http://127.0.0.1:7900"),
        (" http://Mesh.Example:80\n", "http://mesh.example:80"), ("https://mesh.example", "https://mesh.example"),
        ("http://[::1]:7900", "http://[::1]:7900"), ("http://[FE80::1]", "http://[fe80::1]"),
        ("https://\(pin)@127.0.0.1:7900/", "https://\(pin)@127.0.0.1:7900"),
        ("HTTPS://\(pin)@Host:1", "https://\(pin)@host:1"),
        ("http://my_host-1.lan:65535", "http://my_host-1.lan:65535"),
        ("http://\u{200B}127.0.0.1:7900\u{FEFF}", "http://127.0.0.1:7900"),
    ])
    func `an address has one form`(text: String, expected: String) throws {
        let address = try BrokerAddress(parsing: text)
        #expect(address.text == expected)
        #expect(try BrokerAddress(parsing: address.text) == address)
        #expect(address.webSocketURL == "ws" + expected.dropFirst(4) + "/ws")
    }

    @Test(arguments: [
        "", "127.0.0.1:7900", "ftp://127.0.0.1", "http://", "http://:80", "http://127.0.0.1:", "http://127.0.0.1:0",
        "http://127.0.0.1:65536", "http://127.0.0.1:+80", "http://127.0.0.1:-1", "http://127.0.0.1:8a",
        "http://127.0.0.1/mesh", "http://127.0.0.1//", "http://127.0.0.1?x", "http://127.0.0.1/#x",
        "http://user@127.0.0.1",
        "https://short@127.0.0.1", "http://::1:80", "http://[::1", "http://[::1]80", "http://[abc]",
        "http://caf\u{E9}.example",
        "http://a b%20c", "http://a\\b", "http://\(String(repeating: "a", count: 254))",
    ])
    func `what is no address of a broker is refused`(text: String) {
        let error = #expect(throws: IdentityError.self) { try BrokerAddress(parsing: text) }
        #expect(error?.code == .malformed)
    }

    @Test func `a path is named as what is wrong`() {
        let error = #expect(throws: IdentityError.self) { try BrokerAddress(parsing: "http://127.0.0.1:7900/mesh") }
        #expect(error?.message.contains("has a path") == true)
    }
}

@Suite struct SafeTextTests {
    @Test(arguments: [
        ("plain \u{E9} \u{1F642}", "plain \u{E9} \u{1F642}"), ("a\u{1B}[2Jb", "a\u{FFFD}[2Jb"),
        ("a\nb\tc", "a\u{FFFD}b\u{FFFD}c"),
        ("a\r\nb", "a\u{FFFD}\u{FFFD}b"), ("\u{9B}31m", "\u{FFFD}31m"), ("\u{202E}x\u{2066}", "\u{FFFD}x\u{FFFD}"),
        ("\0", "\u{FFFD}"), ("\u{7F}", "\u{FFFD}"),
    ])
    func `a line cannot steer a terminal`(text: String, expected: String) { #expect(SafeText.line(text) == expected) }

    @Test func `a long line is cut`() {
        #expect(
            SafeText.line(String(repeating: "a", count: 20), limit: 10) == String(repeating: "a", count: 10)
                + "\u{2026}")
    }

    @Test func `a block keeps its lines, and style alone where it is wanted`() {
        let text = "\u{1B}[1mNAME\u{1B}[0m\tx\n\u{1B}[2J\u{1B}[1;31mred\u{1B}]0;t\u{07}\r\n"
        #expect(
            SafeText.block(text, keepsStyle: true)
                == "\u{1B}[1mNAME\u{1B}[0m\tx\n\u{FFFD}[2J\u{1B}[1;31mred\u{FFFD}]0;t\u{FFFD}\n")
        #expect(
            SafeText.block(text, keepsStyle: false)
                == "\u{FFFD}[1mNAME\u{FFFD}[0m\tx\n\u{FFFD}[2J\u{FFFD}[1;31mred\u{FFFD}]0;t\u{FFFD}\n")
    }

    @Test func `an error of a broker is a line`() {
        let error = MeshError(fields: [
            "code": "busy", "message": .string("a\u{1B}[2Jb" + String(repeating: "x", count: 10_000)), "hint": "c\nd",
        ])
        #expect(error.message.hasPrefix("a\u{FFFD}[2Jb"))
        #expect(error.message.unicodeScalars.count == 4_001)
        #expect(error.hint == "c\u{FFFD}d")
    }
}

@Suite struct ThisMachineTests {
    @Test(arguments: [
        ("http://127.0.0.1:7900", true), ("http://127.8.9.10", true), ("http://LOCALHOST:1", true),
        ("http://[::1]:1", true), ("http://localhost.mesh.example", false), ("http://127.mesh.example", false),
        ("http://127.0.0.1.example", false), ("http://127.0.0", false), ("http://127.0.0.256", false),
        ("http://128.0.0.1", false),
    ])
    func `only addresses of this machine count as such`(text: String, expected: Bool) throws {
        #expect(try BrokerAddress(parsing: text).isThisMachine == expected)
    }
}
