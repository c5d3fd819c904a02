import Testing

@testable import MeshCore

@Suite struct FlatFramesTests {
    private static func members(_ text: String) -> [(String, JSON)]? {
        var scanner = FlatScanner()
        return Array(text.utf8).withUnsafeBytes { bytes in
            guard scanner.scan(bytes) else { return nil }
            return scanner.members.map { member in
                let value: JSON =
                    switch member.value {
                    case .string(let range): .string(FlatScanner.text(bytes, range))
                    case .integer(let value): .integer(value)
                    case .bool(let value): .bool(value)
                    case .null: .null
                    case .strings(let list): .array(FlatScanner.strings(bytes, list).map { .string($0) })
                    case .objects(let list):
                        .array(
                            FlatScanner.objects(bytes, list).map { range in
                                (try? JSON.parse(Array(bytes[range]), limits: .frame)) ?? .null
                            })
                    }
                return (FlatScanner.text(bytes, member.name), value)
            }
        }
    }

    @Test func `as many members as there may be are read`() {
        #expect(Self.members(Self.wide(24))?.count == 24)
        #expect(Self.members(#"{"a":[\#(Self.wide(24))]}"#)?.count == 1)
    }

    /// An object of so many members.
    private static func wide(_ count: Int) -> String {
        "{" + (0..<count).map { #""m\#($0)":\#($0)"# }.joined(separator: ",") + "}"
    }

    /// A send with a copy for a session and one for a member, which says more.
    private static func copies(_ more: String) -> String {
        let key = String(repeating: "0a", count: 32)
        return #"{"type":"send","targetSpec":"bob","copies":[{"session":"\#(key)","nonce":"","ciphertext":"c"},"#
            + #"{"nonce":"","member":"\#(key)","ciphertext":"d"\#(more)}]}"#
    }

    @Test(arguments: [
        "{}", " { } ", #"{"a":1}"#, #"{"a":"b","c":true,"d":null,"e":[],"f":["x","y"],"g":-12}"#,
        "{ \"a\" : \"b\" ,\n\t\"c\" : [ \"x\" , \"y\" ] }\r\n",
        #"{"long":"0123456789abcdefghij","n":123456789012345678}"#,
        #"{"a":[{}],"b":[{"c":"d","e":1},{"f":true,"g":null}],"h":[ { "i" : -1 } , {} ]}"#,
    ])
    func `a flat object has the members that the general parser reads`(text: String) throws {
        let members = try #require(Self.members(text))
        let whole = try json(text)
        let general = try #require(whole.objectValue)
        #expect(members.map(\.0) == general.map(\.key))
        #expect(members.map(\.1) == general.map(\.value))
    }

    @Test(arguments: [
        #"{"a":1.5}"#, #"{"a":1e3}"#, #"{"a":{"b":1}}"#, #"{"a":[1]}"#, #"{"a":"\n"}"#, #"{"é":1}"#, #"{"a":"é"}"#,
        #"{"a":1234567890123456789}"#, "[]", "1", #"{"a":[{"b":[]}]}"#, #"{"a":[{"b":{}}]}"#, #"{"a":[{},1]}"#,
        #"{"a":["x",{}]}"#, Self.wide(25), #"{"a":[\#(Self.wide(25))]}"#, #"{"a":[{}"#, #"{"a":[{"b":1.5}]}"#,
    ])
    func `what is not flat is left to the general parser`(text: String) { #expect(Self.members(text) == nil) }

    /// A string is passed over in steps of 8 and 32 bytes: what ends it must be found at every place of a step.
    @Test(arguments: 0..<100)
    func `a string ends where it ends, and nothing but plain ASCII is in it`(count: Int) {
        let text = [UInt8](repeating: UInt8(ascii: "x"), count: count)
        let frame = Array(#"{"a":""#.utf8) + text + Array(#"","b":1}"#.utf8)
        var scanner = FlatScanner()
        let range = frame.withUnsafeBytes { scanner.scan($0) ? scanner.range("a", in: $0) : nil }
        #expect(range == 6..<(6 + count))
        for place in 0..<count {
            for byte: UInt8 in [0x00, 0x1F, 0x5C, 0x7F, 0x80, 0xC3, 0xFF] {
                var altered = frame
                altered[6 + place] = byte
                #expect(!altered.withUnsafeBytes { scanner.scan($0) }, "\(byte) at \(place)")
            }
            var quoted = frame
            quoted[6 + place] = UInt8(ascii: "\"")
            #expect(!quoted.withUnsafeBytes { scanner.scan($0) })
            // Behind the bytes that lie next to what ends a string.
            var plain = frame
            for (offset, byte) in [UInt8(0x20), 0x21, 0x23, 0x5B, 0x5D, 0x7E].enumerated() where place + offset < count
            {
                plain[6 + place + offset] = byte
            }
            #expect(plain.withUnsafeBytes { scanner.scan($0) ? scanner.range("a", in: $0) : nil } == range)
        }
    }

    @Test func `a name that stands twice is found among names that differ little`() {
        let names = ["a", "b", "ab", "ba", "aa", "aba", "abba", "", "kind", "kink", "mind"]
        for twice in names {
            let members = names.map { "\"\($0)\":1" }
            #expect(Self.members("{" + members.joined(separator: ",") + "}")?.count == names.count)
            #expect(Self.members("{" + (members + ["\"\(twice)\":2"]).joined(separator: ",") + "}") == nil)
        }
    }

    @Test func `what the general parser refuses is never taken`() {
        let good = #"{"type":"send","a":"xyz","b":[],"c":["p","q"],"d":-12,"e":true,"f":null,"g":[{"h":"i","j":2},{}]}"#
        var generator = SeededGenerator(11)
        let bytes = Array(good.utf8)
        var taken = 0
        for _ in 0..<4_000 {
            var altered = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<altered.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: altered.remove(at: place)
                case 1: altered.insert(bytes.randomElement(using: &generator) ?? 0, at: place)
                default: altered[place] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            var scanner = FlatScanner()
            guard altered.withUnsafeBytes({ scanner.scan($0) }) else { continue }
            taken += 1
            #expect(fault(altered) == nil, "\(String(decoding: altered, as: UTF8.self))")
        }
        #expect(taken > 100)
    }

    @Test(arguments: [
        #"{"type":"send","targetSpec":"bob","ciphertext":"aGk="}"#,
        #"{"type":"send","id":"1","targetSpec":"*","priority":"now","nonce":"","ciphertext":"aGk=","encrypted":false}"#,
        #"{"type":"send","_reqId":"r","targetSpec":"@g","ttl":60000,"receipts":true,"client_message_id":"c","replyToId":"x","request_fingerprint":"f"}"#,
        #"{"type":"send","targetSpec":"bob","copies":[],"mentions":["a","b"]}"#, Self.copies(""),
        Self.copies(#","bodyVersion":3"#),
    ])
    func `a send is read alike in both ways`(text: String) throws {
        var scanner = FlatScanner()
        let flat = Array(text.utf8).withUnsafeBytes { scanner.scan($0) ? Send(flat: scanner, in: $0) : nil }
        let general = try JSONCoder.decode(Send.self, from: try json(text))
        let read = try #require(flat)
        #expect(try JSONCoder.encode(read) == JSONCoder.encode(general))
    }

    @Test(arguments: [
        #"{"type":"send","targetSpec":["a","b"]}"#, #"{"type":"send","ciphertext":"aGk="}"#,
        #"{"type":"send","targetSpec":"a","priority":"soon"}"#, #"{"type":"send","targetSpec":"a","ttl":"1"}"#,
        #"{"type":"send","targetSpec":"a","bodyVersion":3}"#, #"{"type":"send","targetSpec":"a","nonce":null}"#,
        #"{"type":"send","targetSpec":"a","other":"x"}"#, #"{"type":"send","targetSpec":"a","_reqId":7}"#,
        #"{"type":"send","targetSpec":"a","copies":["x"]}"#, #"{"type":"send","targetSpec":"a","copies":[{}]}"#,
        #"{"type":"send","targetSpec":"a","mentions":[{}]}"#, Self.copies(#","other":1"#),
        Self.copies(#","other":"x""#),
        Self.copies(#","nonce":"""#), Self.copies(#","bodyVersion":"3""#),
        #"{"type":"send","targetSpec":"a","copies":[{"nonce":"","ciphertext":"c","session":"short"}]}"#,
    ])
    func `an unusual send is left to the general decoder`(text: String) {
        var scanner = FlatScanner()
        let flat = Array(text.utf8).withUnsafeBytes { scanner.scan($0) ? Send(flat: scanner, in: $0) : nil }
        #expect(flat == nil)
    }

    @Test func `an acknowledgement is read alike in both ways`() throws {
        for text in [
            #"{"type":"client_ack","messageIds":["a","b"]}"#, #"{"type":"client_ack","brokerMessageId":"a"}"#,
            #"{"type":"client_ack"}"#,
        ] {
            var scanner = FlatScanner()
            let flat = Array(text.utf8).withUnsafeBytes { scanner.scan($0) ? Acknowledge(flat: scanner, in: $0) : nil }
            let general = try JSONCoder.decode(Acknowledge.self, from: try json(text))
            let read = try #require(flat)
            #expect(try JSONCoder.encode(read) == JSONCoder.encode(general))
        }
    }

    @Test(arguments: [false, true])
    func `a frame that is written by hand is what the general encoder writes`(isFull: Bool) throws {
        var push = MessagePush(
            messageId: "m", meshId: "x", senderPubkey: Keys.a.publicKey.hex, priority: .low, nonce: "",
            ciphertext: "aGk=",
            createdAt: "t", attempt: 2, kind: "direct", targetSpec: "b\"\\\n\u{1}é𝄞", encrypted: true)
        var ack = SendAck(id: "1", messageId: "m", queued: true)
        if isFull {
            push.senderMemberPubkey = Keys.b.publicKey
            (push.senderMemberId, push.senderName, push.senderDisplayName) = ("i", "n", "d")
            (push.senderLabel, push.recipientKey, push.bodyVersion) = ("l", Keys.owner.publicKey, 3)
            (push.replyToId, push.clientMessageID, push.requestFingerprint, push.subtype) = ("r", "c", "f", "s")
            ack = SendAck(
                id: "1", messageId: "", queued: false, status: "s", recipients: 4, duplicate: true, error: "e\"")
        }
        let requestID = isFull ? "q" : nil
        #expect(
            try JSON.parse(push.frame(requestID: requestID))
                == JSON.parse(WireFrame.bytes(type: MessagePush.type, body: push, requestID: requestID)))
        #expect(
            try JSON.parse(ack.frame(requestID: requestID))
                == JSON.parse(WireFrame.bytes(type: SendAck.type, body: ack, requestID: requestID)))
    }

    @Test func `a send that is written by hand is what the general encoder writes`() throws {
        var send = Send(targetSpec: TargetSpec(["b\"\\\n\u{1}é𝄞"]))
        var sends = [send]
        send.copies = []
        sends.append(send)
        send.copies = [
            SealedCopy(session: Keys.a.publicKey, nonce: "n", ciphertext: "c", bodyVersion: 3),
            SealedCopy(member: Keys.b.publicKey, nonce: "", ciphertext: "d"),
        ]
        sends.append(send)
        send.targetSpec = TargetSpec(["a", "@g"])
        (send.id, send.priority, send.clientMessageID, send.nonce) = ("i", .now, "c", "n")
        (send.ciphertext, send.encrypted, send.bodyVersion, send.replyToID) = ("aGk=", false, 1, "r")
        (send.ttl, send.receipts, send.mentions, send.subtype) = (60_000, true, ["x", "y"], "s")
        send.requestFingerprint = "f"
        sends.append(send)
        send.targetSpec = TargetSpec([])
        sends.append(send)
        for send in sends {
            #expect(try JSON.parse(send.frame()) == JSON.parse(WireFrame.bytes(type: Send.type, body: send)))
        }
    }

    private static func flat<Read>(_ frame: [UInt8], _ read: (FlatScanner, UnsafeRawBufferPointer) -> Read?) -> Read? {
        var scanner = FlatScanner()
        return frame.withUnsafeBytes { scanner.scan($0) ? read(scanner, $0) : nil }
    }

    @Test func `what the broker says most often is read alike in both ways`() throws {
        var push = MessagePush(
            messageId: "m", meshId: "x", senderPubkey: Keys.a.publicKey.hex, priority: .low, nonce: "",
            ciphertext: "aGk=", createdAt: "t", attempt: 2, kind: "direct", targetSpec: "b", encrypted: true)
        var pushes = [push]
        push.senderMemberPubkey = Keys.b.publicKey
        (push.senderMemberId, push.senderName, push.senderDisplayName) = ("i", "n", "d")
        (push.senderLabel, push.recipientKey, push.bodyVersion) = ("l", Keys.owner.publicKey, 3)
        (push.replyToId, push.clientMessageID, push.requestFingerprint) = ("r", "c", "f")
        pushes.append(push)
        (push.senderMemberId, push.subtype, push.topic, push.mentions) = (nil, "s", "t", ["a", "b"])
        pushes.append(push)
        for push in pushes {
            #expect(Self.flat(push.frame(requestID: nil), { MessagePush(flat: $0, in: $1) }) == push)
        }
        let acks = [
            SendAck(id: "1", messageId: "m", queued: true),
            SendAck(id: "", messageId: "", queued: false, status: "s", recipients: 4, duplicate: true, error: "e"),
        ]
        for ack in acks {
            let read = try #require(Self.flat(ack.frame(requestID: nil)) { SendAck(flat: $0, in: $1) })
            #expect(try JSONCoder.encode(read) == JSONCoder.encode(ack))
        }
    }

    @Test(arguments: [
        #"{"type":"ack","id":"1","messageId":"m"}"#, #"{"type":"ack","id":1,"messageId":"m","queued":true}"#,
        #"{"type":"ack","id":"1","messageId":"m","queued":true,"new":1}"#,
        #"{"type":"ack","id":"1","messageId":"m","queued":true,"recipients":"2"}"#,
        #"{"type":"nack","id":"1","messageId":"m","queued":true}"#,
    ])
    func `an unusual answer is left to the general decoder`(text: String) {
        #expect(Self.flat(Array(text.utf8)) { SendAck(flat: $0, in: $1) } == nil)
    }
}
