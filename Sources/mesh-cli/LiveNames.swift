import ArgumentParser
import MeshCore
import MeshSDK

/// What the shell offers for a word that is not finished: the names that the mesh knows now. Nothing is offered when the
/// broker does not answer at once.
enum LiveNames {
    /// How long a shell waits.
    private static let limitMillis = 700

    /// Members, groups and topics, as `send` takes them.
    static let targets = CompletionKind.custom { _, _, _ in
        await ask { api in
            async let members = api.callAll(ListMembers()).members.map(\.name)
            async let groups = api.call(ListGroups()).groups.map { "@" + $0.name }
            async let topics = api.callAll(ListTopics()).topics.map { "#" + $0.name }
            return try await members + groups + topics + ["*"]
        }
    }

    /// Members.
    static let members = CompletionKind.custom { _, _, _ in
        await ask { try await $0.callAll(ListMembers()).members.map(\.name) }
    }

    /// Topics, without `#`.
    static let topics = CompletionKind.custom { _, _, _ in
        await ask { try await $0.callAll(ListTopics()).topics.map(\.name) }
    }

    /// Keys of the shared state.
    static let keys = CompletionKind.custom { _, _, prefix in
        await ask { try await $0.call(ListState(prefix: prefix, limit: 200)).entries.map(\.key) }
    }

    /// Meshes that this machine knows.
    static let meshes = CompletionKind.custom { _, _, _ in
        (try? ProfileStore(home: home).meshes().map(\.slug)) ?? []
    }

    /// Profiles of the current mesh.
    static let profiles = CompletionKind.custom { _, _, _ in
        let store = ProfileStore(home: home)
        guard let slug = try? store.load(mesh: nil, profile: nil).credentials.meshSlug else { return [] }
        return (try? store.profiles(of: slug)) ?? []
    }

    private static var home: String {
        SystemCalls.environment("MESH_HOME") ?? SystemCalls.homeFolder + "/.config/mesh"
    }

    /// Whether a name may stand on a command line as it is: what a shell would read as more than a word is not offered.
    private static func isPlainWord(_ name: String) -> Bool {
        // Nor what the command would read as an option.
        name.utf8.first != UInt8(ascii: "-") && (1...256).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || $0.properties.numericType != nil || "@#*_-.:/".unicodeScalars.contains($0)
            }
    }

    /// Asks as the current profile does.
    private static func ask(_ body: @escaping @Sendable (MeshAPI) async throws -> [String]) async -> [String] {
        guard let credentials = try? ProfileStore(home: home).load(mesh: nil, profile: nil).credentials else {
            return []
        }
        let api = MeshAPI(credentials: credentials, group: EventLoops.shared)
        let names = await withTaskGroup(of: [String].self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask { (try? await body(api)) ?? [] }
            tasks.addTask {
                try? await Task.sleep(for: .milliseconds(limitMillis))
                return []
            }
            return await tasks.next() ?? []
        }
        await api.close()
        return Array(names.lazy.filter(isPlainWord).prefix(1_000))
    }
}
