import ArgumentParser
import MeshCore
import MeshSDK
import NIOCore
import NIOPosix

/// What every command understands.
struct GlobalOptions: ParsableArguments {
    @Flag(help: "Print JSON: one object, or one object a line.")
    var json = false

    @Option(
        help: ArgumentHelp("The mesh; the current one when absent.", valueName: "slug"), completion: LiveNames.meshes)
    var mesh: String?

    @Option(
        help: ArgumentHelp("The profile to act as; the mesh's current one when absent.", valueName: "name"),
        completion: LiveNames.profiles)
    var profile: String?

    @Option(help: ArgumentHelp("The folder of profiles; $MESH_HOME or ~/.config/mesh when absent.", valueName: "path"))
    var home: String?

    @Flag(name: .shortAndLong, help: "Print only errors, and results that were asked for.")
    var quiet = false

    /// The profiles on this machine.
    var store: ProfileStore { ProfileStore(home: home ?? Self.defaultHome) }

    private static var defaultHome: String {
        SystemCalls.environment("MESH_HOME") ?? SystemCalls.homeFolder + "/.config/mesh"
    }

    /// The profile to act as.
    func credentials() throws -> (credentials: Credentials, profile: String) {
        try store.load(mesh: mesh, profile: profile)
    }
}

/// A command that finds something out and prints it.
protocol MeshCommand: AsyncParsableCommand {
    /// What every command understands.
    var options: GlobalOptions { get }
    /// Does it. Failures are thrown and reported in one place.
    func execute(_ out: Printer) async throws
}

extension MeshCommand {
    mutating func run() async throws { try await execute(Printer(options)) }

    /// Acts for the profile over HTTP, without presence.
    func withAPI<Value>(_ body: (MeshAPI) async throws -> Value) async throws -> Value {
        let credentials = try options.credentials().credentials
        return try await withAPI(of: credentials, body)
    }

    /// Acts for a session over HTTP, without presence.
    func withAPI<Value>(of credentials: Credentials, _ body: (MeshAPI) async throws -> Value) async throws -> Value {
        let api = MeshAPI(credentials: credentials, group: EventLoops.shared)
        do {
            let value = try await body(api)
            await api.close()
            return value
        } catch {
            await api.close()
            throw error
        }
    }

    /// One request over HTTP.
    func call<Asked: Request>(_ request: Asked) async throws -> Asked.Answer {
        try await withAPI { try await $0.call(request) }
    }

    /// The same for a list, page by page.
    func callAll<Asked: PagedRequest>(_ request: Asked) async throws -> Asked.Answer {
        try await withAPI { try await $0.callAll(request) }
    }
}

/// The program's event loop: one thread, made when first needed, alive until the program ends.
enum EventLoops {
    static let shared: any EventLoopGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
}
