import Foundation
import MeshCore
import Testing

@testable import MeshBroker
@testable import MeshEngine

/// Every request has every surface, or a stated reason why not. The requests come from the table.
@Suite struct SurfaceTests {
    static let types = Capabilities.table.rows.keys.sorted()
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Requests that the command line does not make, and why.
    static let notInCommandLine: [String: String] = [
        "resolve": "the client library asks it before it seals",
        "client_ack": "the client library acknowledges what was handled",
        "ledger_tile": "mirrors fetch tiles as files: GET /v1/meshes/{mesh}/log/...",
        "watch_message": "commands poll `message_status` with backoff: a one-shot command opens no connection",
        "unwatch_state": "a watch ends with its connection",
        "unwatch_clock": "a watch ends with its connection",
        "set_visible": "a program hides itself; `peer list` shows who is visible",
        "batch_state": "a program's request: a shell has one key at a time",
    ]

    /// Methods of the client library whose request is made further inside.
    static let calls = ["send": "send"]

    @Test(arguments: types)
    func `the client library makes every request`(_ type: String) throws {
        let name = try Self.swiftName(type)
        #expect(Self.mentions(name, in: "Sources/MeshSDK"), "no file of MeshSDK makes \(name)")
    }

    @Test(arguments: types)
    func `the command line makes every request, or says why not`(_ type: String) throws {
        let name = try Self.swiftName(type)
        // A command makes a request, or calls a method of the library that makes it.
        let methods = Self.methods(making: name) + (Self.calls[type].map { [$0] } ?? [])
        let isMade =
            Self.mentions(name, in: "Sources/mesh-cli")
            || methods.contains { Self.mentions($0, in: "Sources/mesh-cli", call: true) }
        #expect(isMade || Self.notInCommandLine[type] != nil, "no command makes \(name)")
    }

    @Test(arguments: types)
    func `OpenAPI has every request, or its declaration says why not`(_ type: String) throws {
        let table = Capabilities.table
        let document = OpenAPI(resources: ResourceTable(table), table: table).document
        let paths = try #require(document["paths"]?.objectValue)
        let resource = try #require(table.rows[type]).declaration.resource
        let operations = paths.flatMap { $0.value.objectValue?.map { $0.value["operationId"]?.stringValue } ?? [] }
        #expect(operations.contains(type) != (resource.reason != nil))
        let byType = paths["/v1/meshes/{mesh}/{type}"]?["post"]?["parameters"]?.arrayValue?.last?["schema"]?["enum"]
        #expect(byType?.arrayValue?.contains(.string(type)) == true)
    }

    @Test(arguments: types)
    func `the page of the protocol describes every request and its answer`(_ type: String) throws {
        let page = try String(contentsOf: Self.root.appending(path: "Docs/Protocol.md"), encoding: .utf8)
        let row = try #require(Capabilities.table.rows[type])
        #expect(page.contains("### `\(type)`\n"))
        func answer<Body: Request>(_ type: Body.Type) -> String { Body.Answer.type }
        #expect(page.contains("### `\(answer(row.type))`\n"))
    }

    // MARK: Sources

    private static func swiftName(_ type: String) throws -> String {
        String(describing: try #require(Capabilities.table.rows[type]).type)
    }

    private static func files(_ folder: String) -> [String] {
        let found = FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil)
        let files = (found?.allObjects ?? []).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        return files.compactMap { try? String(contentsOf: $0, encoding: .utf8) }
    }

    private static let sources = Dictionary(
        uniqueKeysWithValues: ["Sources/MeshSDK", "Sources/mesh-cli"].map { ($0, files($0)) })

    private static func mentions(_ name: String, in folder: String, call: Bool = false) -> Bool {
        let pattern = call ? "\\.\(name)\\(" : "\\b\(name)\\b"
        return sources[folder]?.contains { $0.range(of: pattern, options: .regularExpression) != nil } ?? false
    }

    /// The methods of the client library whose bodies make a request.
    private static func methods(making name: String) -> [String] {
        (sources["Sources/MeshSDK"] ?? []).flatMap { text in
            text.components(separatedBy: "public func ").dropFirst().compactMap { part in
                part.contains("\(name)(") ? String(part.prefix { $0 != "(" && $0 != "<" }) : nil
            }
        }
    }
}
