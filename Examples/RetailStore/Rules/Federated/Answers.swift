import MeshCore
import MeshSim

/// The answering side: what another domain asks is answered once, and the answer is kept until the question is gone.
enum Answers {
    static let type = "answer"
    /// Of which kind of question.
    static let kind = Attribute<String>("kind", indexed: true)
    /// What is answered, as JSON.
    static let text = Attribute<String>("text", initial: "null")
    /// How many answers a domain keeps. Questions beyond that wait.
    static let limit = 4_000

    static let entityType = EntityType(type, limit: limit) {
        kind
        text
    }

    /// The answer's entity: a question has its name from another domain, which must not be one of ours.
    private static func id(_ kind: String, _ question: String) -> EntityID { EntityID("answer:\(kind):\(question)") }

    /// Answers what is new among the questions, in an order that `arrange` chooses, and forgets answers whose questions
    /// are gone. `questions` is an object by the questions' names; nil when the other domain could not be read: then
    /// nothing is new and nothing is gone.
    static func settle<Rules>(
        _ questions: JSON?, kind: String, _ turn: inout Turn<Rules>,
        arrange: (inout [(name: String, value: JSON)]) -> Void = { _ in },
        decide: (JSON, inout Turn<Rules>) throws -> JSON
    ) throws {
        guard let asked = questions?.objectValue else { return }
        for answer in turn.world.entities(of: type, where: Self.kind, is: kind) {
            let name = answer.rawValue.dropFirst("answer:\(kind):".count)
            if asked[String(name)] == nil { try turn.world.remove(answer) }
        }
        var new = asked.filter { !turn.world.contains(id(kind, $0.key)) }.map { (name: $0.key, value: $0.value) }
        arrange(&new)
        for question in new {
            // First the place for the answer, then what it changes: what cannot be answered must change nothing.
            let answer = id(kind, question.name)
            do { try turn.world.spawn(type, id: answer, ["kind": .text(kind)]) } catch { continue }
            try turn.world.set(answer, text, try decide(question.value, &turn).text)
        }
    }

    /// The answers of a kind, by the questions' names.
    static func exported(_ kind: String, _ world: World) -> JSON {
        var answers = JSONObject()
        for answer in world.entities(of: type, where: Self.kind, is: kind) {
            let name = answer.rawValue.dropFirst("answer:\(kind):".count)
            answers[String(name)] = world.get(answer, text).flatMap { try? JSON.parse(Array($0.utf8)) } ?? .null
        }
        return .object(answers)
    }
}
