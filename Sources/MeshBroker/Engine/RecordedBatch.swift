package import MeshCore

/// A batch as a line of a command log.
package enum RecordedBatch {
    /// The line, with its line feed.
    package static func line(_ batch: Batch) throws(MeshError) -> [UInt8] {
        do throws(JSONError) {
            var commands: [JSON] = []
            for command in batch.commands {
                commands.append([
                    "actor": try JSONCoder.encode(command.actor), "type": .string(Swift.type(of: command.request).type),
                    "entropy": .string(Hex.encode(command.entropy.bytes)),
                    "body": try JSONCoder.encode(command.request),
                ])
            }
            let json: JSON = [
                "n": .integer(batch.number), "now": .integer(batch.now), "commands": .array(commands),
            ]
            return json.bytes() + [0x0A]
        } catch {
            throw MeshError(error, in: "batch \(batch.number)")
        }
    }

    /// Reads a line. Fails on an unknown command: this version cannot replay such a log.
    package static func parse(_ line: [UInt8], table: CapabilityTable) throws(MeshError) -> Batch {
        let json: JSON
        do throws(JSONError) {
            json = try JSON.parse(line, limits: JSONLimits(maxBytes: 1 << 28, maxDepth: 64))
        } catch { throw MeshError(error, in: "command log") }
        guard let number = json["n"]?.integerValue, let now = json["now"]?.integerValue,
            let commands = json["commands"]?.arrayValue
        else { throw MeshError(.badFrame, "not a line of a command log") }
        var parsed: [Command] = []
        for command in commands {
            guard let type = command["type"]?.stringValue, let row = table.row(of: type), let body = command["body"],
                let entropy = Entropy(hex: command["entropy"]?.stringValue ?? ""), let actor = command["actor"]
            else { throw MeshError(.unknownType, "batch \(number) holds a command that this version does not know") }
            do throws(JSONError) {
                let actor = try JSONCoder.decode(Actor.self, from: actor)
                let request: any Request
                do throws(MeshError) { request = try row.decode(body) } catch {
                    throw JSONError(.invalidValue, "\(error)")
                }
                parsed.append(Command(actor: actor, request: request, entropy: entropy))
            } catch {
                throw MeshError(error, in: "batch \(number)")
            }
        }
        return Batch(number: number, now: now, commands: parsed)
    }
}
