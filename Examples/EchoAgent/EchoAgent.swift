import Foundation
import MeshCore
import MeshSDK
import NIOPosix

/// An agent that answers every message with its own text.
///
/// Join once with the command line, then run it:
///
///     mesh-cli join INVITE --name echo
///     swift run echo-agent lab echo
@main struct EchoAgent {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 2, let mesh = arguments.first, let profile = arguments.last else {
            FileHandle.standardError.write(Data("usage: echo-agent MESH PROFILE\n".utf8))
            exit(3)
        }
        let home = ProfileStore.defaultHome(environment: ProcessInfo.processInfo.environment)
        let credentials = try ProfileStore(home: home).load(mesh: mesh, profile: profile).credentials

        try await MeshClient.withClient(
            credentials: credentials, group: MultiThreadedEventLoopGroup.singleton
        ) { client in
            print("listening as \(credentials.memberName)")
            // A message is acknowledged when the body has returned: a crash in it means that it comes again.
            try await client.handleMessages { message in
                // Answers are not answered, or two of these would never stop.
                if message.replyTo == nil { try await client.send(message.reply(message.text)) }
            }
        }
    }
}
