import MeshCore
import Testing

@testable import MeshSim

@Suite struct ObservationTests {
    /// A world of made-up scenes that changes a little at each tick.
    struct Stage {
        var random: RandomStream
        var tick: Int64 = 0
        var entities: [String: JSONObject] = [:]
        var actions = ["wait"]
        let size: Int

        init(_ seed: UInt64, size: Int = 12) {
            random = RandomStream(seed: seed, domain: "observation", purpose: "stage")
            self.size = size
            for place in 0..<size { entities["e-\(place)"] = fields() }
        }

        mutating func value() -> JSON {
            switch random.below(6) {
            case 0: .integer(Int64(random.below(5)))
            case 1: .double(Double(random.below(5)) / 2)
            case 2: .bool(random.below(2) == 0)
            case 3: .string(String(repeating: "long ", count: random.below(9)))
            // The same letter in two ways: equal as texts, different as bytes.
            case 4: .string(random.below(2) == 0 ? "\u{E9}" : "e\u{301}")
            default: ["a": .integer(Int64(random.below(3))), "b": [1, 2]]
            }
        }

        mutating func fields() -> JSONObject {
            var object = JSONObject()
            for name in ["type", "zone", "x", "y", "mood"] where random.below(4) > 0 { object[name] = value() }
            return object
        }

        mutating func step() {
            tick += 1
            for place in 0..<size {
                let name = "e-\(place)"
                switch random.below(20) {
                case 0: entities[name] = nil
                case 1, 2: entities[name] = fields()
                case 3, 4:
                    let mood = value()
                    entities[name]?["mood"] = mood
                case 5: entities[name]?["zone"] = nil
                default: break
                }
            }
            if random.below(10) == 0 { actions = random.below(2) == 0 ? ["wait"] : ["wait", "buy"] }
        }

        /// The scene of now; standing still it has no events.
        mutating func scene(events: Int = 0) -> Scene {
            Scene(
                viewer: "e-0", tick: tick, entities: entities.map { Scene.Seen(EntityID($0), $1) },
                events: (0..<events).map { ["name": "event", "n": .integer(Int64($0))] }, actions: actions)
        }
    }

    /// What arrives is what was sent as bytes.
    static func sent(_ observation: Observation) throws -> Observation {
        try JSONCoder.decode(Observation.self, from: JSON.parse(observation.json.bytes()))
    }

    // MARK: Loss, doubling, overtaking

    @Test(arguments: 0..<8) func theViewIsTheScene(_ seed: UInt64) throws {
        var stage = Stage(seed)
        var random = RandomStream(seed: seed, domain: "observation", purpose: "network")
        var encoder = ObservationEncoder(sim: "s", keep: 1 + random.below(8))
        var view = ObservationView(keep: encoder.keep)
        var scenes: [Int64: [UInt8]] = [:]
        var down: [Observation] = []
        var up: [Int64] = []
        var (applied, deltas, missing) = (0, 0, 0)
        for _ in 0..<120 {
            if random.below(3) > 0 { stage.step() }
            let scene = stage.scene(events: random.below(3))
            let observation = encoder.encode(scene)
            scenes[observation.sequence] = scene.bytes()
            if observation.kind != .full { deltas += 1 }
            down.append(try Self.sent(observation))
            while !down.isEmpty, random.below(4) > 0 {
                let place = random.below(down.count)
                let arrived = down[place]
                if random.below(5) > 0 { down.remove(at: place) }
                if random.below(4) == 0 { continue }
                do {
                    if try view.apply(arrived) == .applied {
                        applied += 1
                        #expect(view.scene?.bytes() == scenes[arrived.sequence])
                        up.append(arrived.sequence)
                    }
                } catch {
                    #expect(error.code == .baseMissing)
                    missing += 1
                    encoder.requestKeyframe()
                }
            }
            while !up.isEmpty, random.below(3) > 0 {
                let place = random.below(up.count)
                if random.below(4) > 0 { encoder.acknowledge(up[place]) }
                if random.below(4) > 0 { up.remove(at: place) }
            }
        }
        #expect(applied > 20 && deltas > 5)
        // What the encoder remembers as acknowledged, the view has.
        #expect(missing == 0)
    }

    // MARK: Kinds

    @Test func fullUntilAcknowledgedThenDeltaThenUnchanged() throws {
        var stage = Stage(1)
        var encoder = ObservationEncoder(sim: "s")
        let scene = stage.scene()
        let first = [encoder.encode(scene), encoder.encode(scene)]
        #expect(first.map(\.kind) == [.full, .full])
        let isTaken = encoder.acknowledge(2)
        let same = encoder.encode(scene)
        #expect(isTaken && same.kind == .unchanged && same.base == 2)
        let head = #"{"type":"sim_observation","sim":"s","tick":0,"sequence":3,"base":2,"#
        #expect(same.json.text == head + #""kind":"unchanged","self":"e-0"}"#)
        stage.entities["e-1"]?["x"] = "new"
        let delta = encoder.encode(stage.scene())
        #expect(delta.kind == .delta && delta.base == 2 && delta.entities.map(\.id) == ["e-1"])
        encoder.requestKeyframe()
        let asked = encoder.encode(scene)
        // What was sent before the keyframe is not known to the seat any more.
        let isOldTaken = encoder.acknowledge(3)
        let again = encoder.encode(scene)
        #expect(asked.kind == .full && !isOldTaken && again.kind == .full)
        #expect(delta.byteCount < asked.byteCount)
        #expect([99, 6, 6, 5].map { encoder.acknowledge($0) } == [false, true, false, false])
    }

    @Test func fullWhenTheBaselineIsTooOld() {
        var stage = Stage(2)
        var encoder = ObservationEncoder(sim: "s", keep: 4)
        let scene = stage.scene()
        _ = encoder.encode(scene)
        encoder.acknowledge(1)
        let kinds = (0..<5).map { _ in encoder.encode(scene).kind }
        #expect(kinds == [.unchanged, .unchanged, .unchanged, .unchanged, .full])
        #expect(encoder.acknowledged == nil)
    }

    @Test func fullWhenADeltaIsNoSmaller() {
        var stage = Stage(3)
        var encoder = ObservationEncoder(sim: "s")
        _ = encoder.encode(stage.scene())
        encoder.acknowledge(1)
        stage.entities = ["z-1": ["a": 1]]
        let observation = encoder.encode(stage.scene())
        #expect(observation.kind == .full && observation.left.isEmpty && observation.base == nil)
    }

    // MARK: Budgets

    /// Whatever is decided without writing both: a delta that is sent is smaller than the whole, and the whole is sent
    /// because it is no larger.
    @Test(arguments: 0..<12, [1, 3, 12]) func aDeltaIsSmallerThanTheWhole(_ seed: UInt64, _ size: Int) {
        var stage = Stage(seed, size: size)
        var random = RandomStream(seed: seed, domain: "observation", purpose: "steps")
        var encoder = ObservationEncoder(sim: "s", keep: 32)
        _ = encoder.encode(stage.scene())
        encoder.acknowledge(1)
        var kinds: [Observation.Kind: Int] = [:]
        for _ in 0..<60 {
            for _ in 0...random.below(25) { stage.step() }
            let scene = stage.scene(events: random.below(3))
            var whole = encoder
            whole.requestKeyframe()
            let full = whole.encode(scene)
            let sent = encoder.encode(scene)
            kinds[sent.kind, default: 0] += 1
            if sent.kind == .full { #expect(sent.byteCount == full.byteCount) }
            if sent.kind == .delta { #expect(sent.byteCount < full.byteCount) }
            encoder.acknowledge(encoder.sequence)
        }
        #expect(kinds[.delta] ?? 0 > 0)
    }

    @Test(arguments: [0, 1, 2, 3], [1, 3]) func nothingStarves(_ seed: UInt64, _ latency: Int) throws {
        var stage = Stage(seed, size: 30)
        let budget: ObservationBudget = seed % 2 == 0 ? .bytes(500) : .tokens(125)
        var encoder = ObservationEncoder(sim: "s", starvationTicks: 4)
        var view = ObservationView()
        var up: [Int64] = []
        func send(_ scene: Scene) throws -> Observation {
            let observation = try Self.sent(encoder.encode(scene, budget: budget))
            let outcome = try view.apply(observation)
            #expect(outcome == .applied)
            up.append(observation.sequence)
            if up.count >= latency { encoder.acknowledge(up.removeFirst()) }
            return observation
        }
        var (wasOver, missing) = (false, 0)
        for _ in 0..<40 {
            stage.step()
            let observation = try send(stage.scene(events: stage.random.below(4)))
            wasOver = wasOver || observation.omitted > 0
            missing = Int(observation.omitted)
            // No more than the own entity and one thing beyond the budget; the largest has less than 400 bytes.
            #expect(observation.byteCount <= 500 + 800)
        }
        #expect(wasOver)
        // The world stands still: at most so many observations as things are missing, times those on the way.
        let still = stage.scene()
        var sent = 0
        while view.scene?.json["entities"]?.text != still.json["entities"]?.text, sent < (missing + 31) * latency {
            _ = try send(still)
            sent += 1
        }
        #expect(view.scene?.json["entities"]?.text == still.json["entities"]?.text)
        for _ in 0...latency { _ = try send(still) }
        let last = try send(still)
        #expect(last.omitted == 0)
        #expect(view.scene?.json["entities"]?.text == still.json["entities"]?.text)
    }

    /// Everything changes at each tick and one thing fits: each gets its turn, the own entity at each tick.
    @Test func turnsAreTaken() throws {
        var encoder = ObservationEncoder(sim: "s", starvationTicks: 3)
        var last: [EntityID: Int] = [:]
        var (longest, told) = (0, 0)
        for tick in 1...200 {
            let entities = (0..<10).map { Scene.Seen(EntityID("e-\($0)"), ["n": .integer(Int64(tick))]) }
            let events: [JSON] = [["name": "noise"], ["name": "noise"]]
            let observation = encoder.encode(
                Scene(viewer: "e-3", tick: Int64(tick), entities: entities, events: events), budget: .bytes(0))
            encoder.acknowledge(observation.sequence)
            #expect(observation.entities.contains { $0.id == "e-3" })
            #expect(observation.entities.count + observation.events.count <= 2)
            told += observation.events.count
            for part in observation.entities {
                longest = max(longest, tick - (last[part.id] ?? 0))
                last[part.id] = tick
            }
        }
        #expect(last.count == 10)
        // In every second observation the longest waiting of the nine others goes in; in the others an event does.
        #expect(longest <= 3 + 2 * 9)
        #expect(told >= 100)
        #expect(encoder.droppedEvents > 0)
    }

    @Test func heldBackEventsSayWhenTheyWere() throws {
        var encoder = ObservationEncoder(sim: "s")
        let me = Scene.Seen("me", [:])
        let events: [JSON] = [["name": "one"], ["name": "two"]]
        let first = encoder.encode(Scene(viewer: "me", tick: 5, entities: [me], events: events), budget: .bytes(0))
        #expect(first.events == [["name": "one"]] && first.omitted == 1)
        let second = encoder.encode(Scene(viewer: "me", tick: 6, entities: [me], events: [["name": "three"]]))
        #expect(second.events == [["name": "two", "tick": 5], ["name": "three"]] && second.omitted == 0)
    }

    @Test func aCountOfTokensMayBeTheCallers() {
        let scene = Scene(
            viewer: "a", tick: 1, entities: ["a", "b", "c", "d"].map { Scene.Seen(EntityID($0), ["n": 1]) })
        var encoder = ObservationEncoder(sim: "s")
        let observation = encoder.encode(scene, budget: .tokens(3) { _ in 1 })
        // The frame, the own entity, and one more; then nothing is left.
        #expect(observation.entities.map(\.id) == ["a", "b"] && observation.omitted == 2)
        #expect(ObservationBudget.estimatedTokens([UInt8](repeating: 0, count: 9)) == 3)
    }

    // MARK: State and wrong input

    @Test func anEncoderGoesOnFromItsState() throws {
        var stage = Stage(4)
        var encoder = ObservationEncoder(sim: "s", keep: 4)
        for tick in 0..<20 {
            stage.step()
            let observation = encoder.encode(stage.scene(events: 2), budget: .bytes(300))
            if tick % 3 == 0 { encoder.acknowledge(observation.sequence) }
        }
        let state = try JSON.parse(try JSONCoder.encode(encoder).bytes())
        var copy = try JSONCoder.decode(ObservationEncoder.self, from: state)
        for _ in 0..<10 {
            stage.step()
            let scene = stage.scene(events: 1)
            let (one, other) = (encoder.encode(scene, budget: .bytes(300)), copy.encode(scene, budget: .bytes(300)))
            #expect(one.json.bytes() == other.json.bytes())
            encoder.acknowledge(one.sequence)
            copy.acknowledge(one.sequence)
        }
    }

    @Test(arguments: [
        #"{"kind":"delta","sequence":2,"base":9}"#,
        #"{"kind":"delta","sequence":2}"#,
        #"{"kind":"full","sequence":2,"base":1,"actions":[]}"#,
        #"{"kind":"full","sequence":2}"#,
        #"{"kind":"delta","sequence":2,"base":1,"entities":{"new":{}}}"#,
        #"{"kind":"delta","sequence":2,"base":1,"entered":["new"]}"#,
        #"{"kind":"delta","sequence":2,"base":1,"left":["new"]}"#,
        #"{"kind":"delta","sequence":2,"base":1,"left":["a"],"entities":{"a":{"x":1}}}"#,
        #"{"kind":"delta","sequence":2,"base":1,"left":["a","a"]}"#,
        #"{"kind":"full","sequence":2,"actions":[],"entities":{"a":{},"b":{},"c":{},"d":{}}}"#,
    ])
    func whatContradictsIsRefused(_ text: String) throws {
        func observation(_ text: String) throws -> Observation {
            var object = try JSON.parse(Array(text.utf8)).objectValue ?? [:]
            for (key, value): (String, JSON) in [
                ("type", "sim_observation"), ("sim", "s"), ("tick", 1), ("self", "a"),
            ] { object[key] = value }
            return try Observation(json: .object(object))
        }
        var view = ObservationView(maximumEntities: 3)
        _ = try view.apply(
            observation(#"{"kind":"full","sequence":1,"actions":["wait"],"entities":{"a":{"x":0},"b":{}}}"#))
        let before = view.scene?.bytes()
        let wrong = try observation(text)
        #expect(throws: ObservationError.self) { try view.apply(wrong) }
        #expect(view.scene?.bytes() == before && view.sequence == 1)
        let next = try view.apply(observation(#"{"kind":"delta","sequence":2,"base":1,"left":["b"]}"#))
        #expect(next == .applied && view.scene?.entities.map(\.id) == ["a"])
    }

    @Test(arguments: [
        #"{"type":"other"}"#, #"[]"#,
        #"{"type":"sim_observation","sim":"s","tick":1,"sequence":1,"kind":"half","self":"a"}"#,
        #"{"type":"sim_observation","sim":"s","tick":1,"sequence":1,"kind":"full","self":"a","entities":{"a":1}}"#,
        #"{"type":"sim_observation","sim":"s","tick":1,"sequence":1,"kind":"full","self":"a","entities":[]}"#,
        #"{"type":"other","sim":"s","tick":1,"sequence":1,"kind":"full","self":"a"}"#,
    ])
    func whatIsNoObservationIsRefused(_ text: String) throws {
        let json = try JSON.parse(Array(text.utf8))
        #expect(throws: JSONError.self) { try Observation(json: json) }
    }
}
