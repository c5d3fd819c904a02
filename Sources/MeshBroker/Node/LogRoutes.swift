import MeshCore
import MeshEngine

/// The ledger's tree as files (C2SP `tlog-tiles`), for tools that know that layout: signed by a session, like every
/// request.
enum LogRoutes {
    /// `checkpoint`, `tile/<L>/<N>[.p/<W>]`, or `tile/entries/<N>[.p/<W>]`.
    @Sendable static func file(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        let path = context.parameters[1]
        if path == "checkpoint" {
            let head: LedgerHead = try await ask(GetLedgerHead(), context)
            guard let note = head.checkpoint else {
                throw MeshError(.behind, "no checkpoint is signed yet", hint: "try again in a second")
            }
            return HTTPAnswer(status: 200, contentType: "text/plain; charset=utf-8", body: Array(note.utf8))
        }
        guard let request = tile(path) else {
            throw MeshError(.notFound, "nothing is at this path", hint: "checkpoint, tile/0/000 or tile/entries/000")
        }
        let tile: LedgerTile = try await ask(request, context)
        // A whole tile never changes again.
        let age = request.width == nil ? "private, max-age=31536000, immutable" : "no-store"
        return HTTPAnswer(
            status: 200, contentType: "application/octet-stream", headers: [("Cache-Control", age)],
            body: Base64.decode(tile.data) ?? [])
    }

    /// The tile that a path names; nil when it is not in its only form.
    static func tile(_ path: String) -> GetTile? {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)[...]
        guard parts.popFirst() == "tile", let place = parts.popFirst() else { return nil }
        var level: Int?
        if place != "entries" {
            guard let number = Int(place), String(number) == place, (0...63).contains(number) else { return nil }
            level = number
        }
        var width: Int?
        if parts.count > 1, let before = parts.dropLast().last, before.hasSuffix(".p") {
            guard let text = parts.popLast(), let number = Int(text), String(number) == text, (1...255).contains(number)
            else { return nil }
            width = number
            parts[parts.endIndex - 1] = String(before.dropLast(2))
        }
        guard let number = number(Array(parts)) else { return nil }
        let tile = GetTile(level: level, number: number, width: width)
        return (try? tile.checkBounds()) == nil ? nil : tile
    }

    /// `x001/x234/067` is 1234067: groups of three digits, all but the last behind an x.
    private static func number(_ groups: [String]) -> Int64? {
        guard let last = groups.last, groups.count <= 4 else { return nil }
        var value: Int64 = 0
        for group in groups.dropLast().map({ $0.hasPrefix("x") ? String($0.dropFirst()) : "" }) + [last] {
            guard group.utf8.count == 3, group.utf8.allSatisfy({ (48...57).contains($0) }), let digits = Int64(group)
            else { return nil }
            value = value * 1_000 + digits
        }
        return groups.count == 1 || groups[0] != "x000" ? value : nil
    }

    private static func ask<Answer: Reply>(_ request: some Request, _ context: HTTPRoute.Context) async throws -> Answer
    {
        let (mesh, session) = try await MeshRoutes.session(context)
        guard let answer = try await mesh.perform(request, as: .session(session, nil)).get() as? Answer else {
            throw MeshError(.internalError, "the ledger gave no answer")
        }
        return answer
    }
}
