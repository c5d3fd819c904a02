import Testing

@testable import MeshCore

/// é as one code point, and as e with a combining accent: equal to Swift's `String`, two texts to everybody else.
private let composed = "caf\u{E9}"
private let decomposed = "cafe\u{301}"

@Suite struct ExactTextTests {
    @Test func `texts of other code points differ`() {
        #expect(composed == decomposed)
        #expect(ExactText(composed) != ExactText(decomposed))
        #expect(Set([ExactText(composed), ExactText(decomposed), ExactText(composed)]).count == 2)
        #expect(!composed.isSame(as: decomposed))
        // As many bytes, in another order, and still equal to `String`.
        #expect("a\u{323}\u{302}" == "a\u{302}\u{323}")
        #expect(!"a\u{323}\u{302}".isSame(as: "a\u{302}\u{323}"))
        #expect(ExactText(decomposed) < ExactText(composed))
    }

    @Test func `a mark is taken off whatever follows it`() {
        #expect("#\u{301}a".dropping(mark: "#").unicodeScalars.elementsEqual("\u{301}a".unicodeScalars))
        #expect("a#".dropping(mark: "#") == "a#")
        #expect("\r\nx".begins(with: "\r"))
    }

    @Test func `names of members that differ in code points are different names`() throws {
        let text = "{\"\(composed)\":1,\"\(decomposed)\":2}"
        let value = try json(text)
        #expect(value[composed] == 1)
        #expect(value[decomposed] == 2)
        #expect(value.text.utf8.elementsEqual(text.utf8))
        #expect(fault("{\"\(decomposed)\":1,\"\(decomposed)\":2}") == .duplicateKey)
    }

    @Test(arguments: [2, 40])
    func `objects of few and of many members keep both, change one and remove one`(count: Int) throws {
        var object = JSONObject()
        for number in 0..<count { object["n\(number)"] = 0 }
        object[composed] = 1
        object[decomposed] = 2
        #expect(object.count == count + 2)
        object[composed] = 3
        #expect(object[decomposed] == 2)
        object[composed] = nil
        #expect(object[composed] == nil)
        #expect(object[decomposed] == 2)
    }

    @Test func `values of other code points are other values`() {
        #expect(JSON.string(composed) != JSON.string(decomposed))
        #expect(Set([JSON.string(composed), JSON.string(decomposed)]).count == 2)
        #expect(JSON.object([composed: 1]) != JSON.object([decomposed: 1]))
        #expect(JSON.object([composed: 1, "a": 2]).hashValue == JSON.object(["a": 2, composed: 1]).hashValue)
    }

    /// RFC 8785 sorts by UTF-16 code units: e with an accent comes before é, and both stay.
    @Test func `the canonical form has both in the order of their code units`() {
        let object: JSON = [composed: 1, "\u{1D11E}": 2, "\u{FB33}": 3, decomposed: 4]
        let text = "{\"\(decomposed)\":4,\"\(composed)\":1,\"\u{1D11E}\":2,\"\u{FB33}\":3}"
        #expect(object.canonicalBytes() == Array(text.utf8))
    }

    @Test func `what passes a limit may be JSON, what breaks the grammar is none`() {
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        for text in ["1e400", "-0", "18446744073709551615", deep, #"{"a":1,"a":2}"#, #""\ud800""#] {
            #expect(fault(text)?.mayBeJSON == true, "\(text)")
        }
        for text in ["apple", "01", "1.", "{a:1}", "[1,]", "1 2", "'a'", ""] {
            #expect(fault(text)?.mayBeJSON == false, "\(text)")
        }
    }
}

@Suite struct NameFormTests {
    @Test(
        arguments: [
            (decomposed, composed), (composed, composed), ("ada", "ada"), ("Vie\u{323}\u{302}t", "Vi\u{1EC7}t"),
            ("\u{1112}\u{1161}\u{11AB}", "\u{D55C}"), ("\u{212B}", "\u{C5}"), ("", ""),
        ])
    func `a name is brought into NFC`(name: String, form: String) {
        #expect(Names.normalised(name).unicodeScalars.elementsEqual(form.unicodeScalars))
        #expect(Names.isSame(name, form))
    }

    @Test(arguments: [
        "हिन्दी", "தமிழ்", "မြန်မာ", composed, decomposed, "Vie\u{323}\u{302}t", "ไทย", "русский", "日本語", "עִבְרִית",
        "العَرَبِيَّة", "ភាសាខ្មែរ", "සිංහල", "ශ්\u{200D}රී", "می\u{200C}خواهم", "team_1/शाखा-2",
    ])
    func `words of every script are names of topics and groups`(name: String) {
        #expect(throws: Never.self) { try Names.checkTopic(name) }
        #expect(throws: Never.self) { try Names.checkGroup(Names.normalised(name)) }
    }

    @Test(arguments: [
        "\u{301}a", "a\u{FE0F}", "a\u{200D}b", "a\u{200B}b", "a\u{200C}b", "ab\u{200D}", "a b", "a/\u{301}b",
        "a\u{20DD}",
        "a\u{34F}b", "\u{1F600}",
    ])
    func `marks without a letter, and what nobody sees, are refused`(name: String) {
        let error = meshError { try Names.checkTopic(name) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("U+") == true)
    }

    @Test func `a name that is too long is told its length in code points`() {
        let name = "Z" + String(repeating: "\u{300}", count: 200)
        let texts = [meshError { try Names.checkName(name) }, meshError { try Names.checkTopic(name) }].map {
            $0?.message ?? ""
        }
        for text in texts { #expect(text.contains("1 to 64 characters, has 201"), "\(text)") }
        #expect(throws: Never.self) { try Names.checkName(String(repeating: "\u{1F600}", count: 64)) }
        #expect(meshError { try Names.checkTopic("a//b") }?.message.contains("empty part") == true)
    }

    @Test func `a target finds a name in either spelling`() throws {
        #expect(try Target("@" + decomposed) == Target("@" + composed))
        guard case .topic(let name) = try Target("#" + decomposed) else {
            Issue.record("no topic")
            return
        }
        #expect(name.unicodeScalars.elementsEqual(composed.unicodeScalars))
    }
}
