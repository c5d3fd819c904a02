import Foundation
import MeshCore
import MeshSDK
import NIOPosix

/// A client with everything on disk, for tests that kill it at any moment.
///
///     durable-peer send MESH PROFILE FOLDER TARGET COUNT [PREFIX]   accepts messages, prints each, then waits
///     durable-peer receive MESH PROFILE FOLDER LOG                  appends each handled text to LOG
///     durable-peer answer MESH PROFILE                              answers every question
///     durable-peer ask MESH PROFILE TARGET TEXT                     asks, and prints the answer
@main struct DurablePeer {
    static func main() async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count >= 3 else { exit(3) }
        let home = ProfileStore.defaultHome(environment: ProcessInfo.processInfo.environment)
        let credentials = try ProfileStore(home: home).load(mesh: words[1], profile: words[2]).credentials
        var configuration = MeshClient.Configuration()
        configuration.backoff.initialMillis = 20
        configuration.backoff.maximumMillis = 200
        configuration.replace = true
        if words[0] == "send" { configuration.outboxFolder = words[3] }
        if words[0] == "receive" { configuration.inboxFolder = words[3] }
        let client = MeshClient(
            credentials: credentials, group: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        let running = Task { try await client.run() }
        switch words[0] {
        case "send":
            for number in 0..<(Int(words[5]) ?? 0) {
                try client.enqueue(Outgoing(to: words[4], text: "\(words.count > 6 ? words[6] : "")\(number)"))
                say("accepted \(number)")
            }
        case "receive":
            let log = try FileHandle(forWritingTo: URL(filePath: words[4]))
            say("ready")
            try await client.handleMessages { message in
                try log.seekToEnd()
                try log.write(contentsOf: Data((message.text + "\n").utf8))
                try log.synchronize()
            }
        case "answer":
            say("ready")
            try await client.handleMessages { message in
                try await client.send(message.reply("answer to " + message.text))
            }
        case "ask":
            try await client.connected()
            do {
                let answer = try await client.ask(Outgoing(to: words[3], text: words[4]), timeoutMillis: 10_000)
                say(answer.text)
            } catch { say("error \(error)") }
            // The end of the client takes its last acknowledgements along.
            running.cancel()
            _ = try? await running.value
            return
        default: exit(3)
        }
        try await running.value
    }

    private static func say(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
