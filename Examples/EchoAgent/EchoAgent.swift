import Foundation
import MeshCore
import MeshSDK

/// An agent that echoes every message.
///
/// Join once with the command line, then run it:
///
///     mesh-cli join INVITE --name echo
///     swift run echo-agent lab echo
@main struct EchoAgent {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 2, let mesh = arguments.first, let profile = arguments.last else {
            return end("usage: echo-agent MESH PROFILE", 3)
        }
        do {
            try await answer(in: mesh, as: profile)
        } catch let error as MeshError {
            end("echo-agent: \(error.message)", error.code == .notFound ? 5 : 1)
        } catch {
            end("echo-agent: \(error)", 1)
        }
    }

    static func answer(in mesh: String, as profile: String) async throws {
        let home = ProfileStore.defaultHome(environment: ProcessInfo.processInfo.environment)
        let credentials = try ProfileStore(home: home).load(mesh: mesh, profile: profile).credentials
        try await MeshClient.withClient(credentials: credentials) { client in
            print("listening as \(credentials.memberName)")
            // A message is acknowledged when the body has returned: after a crash in it, the message is offered again.
            try await client.handleMessages { message in
                // Answers are not answered, or two of these would never stop.
                if message.replyTo == nil { try await client.send(message.reply(message.text)) }
            }
        }
    }

    static func end(_ text: String, _ code: Int32) {
        FileHandle.standardError.write(Data("\(text)\n".utf8))
        exit(code)
    }
}
