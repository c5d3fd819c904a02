import MeshCore

/// The page a browser shows for an invite link. The code is after the `#`, which no browser sends: the page is the same
/// for every link, and reveals nothing about any mesh.
enum InvitePage {
    @Sendable static func page(_ context: HTTPRoute.Context) async throws -> HTTPAnswer {
        guard context.parameters.first?.isEmpty == false else {
            throw MeshError(.notFound, "nothing is at this path", hint: "an invite is http://HOST:PORT/join/MESH#CODE")
        }
        return HTTPAnswer(
            status: 200, contentType: "text/html; charset=utf-8",
            headers: [
                ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
                ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"),
            ], body: Array(text.utf8))
    }

    private static let text = """
        <!doctype html><html lang="en"><meta charset="utf-8"><title>Invite to a mesh</title>
        <body><h1>You are invited to a mesh</h1>
        <p>This link is for the program <code>mesh-cli</code>, not for a browser.</p>
        <ol><li>Install Mesh: <code>make run</code> in its source folder builds <code>bin/mesh-cli</code>.</li>
        <li>Copy the whole link from the address bar, with all that stands behind the <code>#</code>.</li>
        <li>In a terminal, with the link in quotes:<br>
        <code>mesh-cli join 'LINK' --name YOUR-NAME</code></li>
        <li>See what comes: <code>mesh-cli listen</code></li></ol>
        <p>Whoever has the link can join: keep it to yourself.</p></body></html>

        """
}
