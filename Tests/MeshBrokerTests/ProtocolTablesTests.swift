import Foundation
import MeshCore
import Testing

@testable import MeshBroker
@testable import MeshEngine

/// The tables of Docs/Protocol.md are made from the declarations. `make docs` writes them, this test compares them.
@Suite(.serialized) struct ProtocolTablesTests {
    static let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Docs/Protocol.md")

    @Test(arguments: ["requests", "answers", "pushes", "errors", "routes", "policy"])
    func tableIsWhatTheDeclarationsSay(_ name: String) throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let begin = "<!-- begin \(name) -->\n"
        let end = "<!-- end \(name) -->"
        let start = try #require(text.range(of: begin))
        let stop = try #require(text.range(of: end))
        let table = try Self.table(name)
        if ProcessInfo.processInfo.environment["MESH_WRITE_DOCS"] == "1" {
            let new = text[..<start.upperBound] + table + text[stop.lowerBound...]
            try String(new).write(to: Self.page, atomically: true, encoding: .utf8)
        } else {
            #expect(String(text[start.upperBound..<stop.lowerBound]) == table, "run `make docs`")
        }
    }

    @Test func everyRouteSaysWhoMayCallIt() {
        let open = BrokerResponder.routes.filter { $0.access == .open }
        #expect(open.allSatisfy { $0.method == "GET" }, "nothing unauthenticated writes")
    }

    private static func table(_ name: String) throws -> String {
        switch name {
        case "requests": ProtocolText.requests
        case "answers": ProtocolText.answers
        case "pushes": ProtocolText.pushes
        case "errors":
            "| code | HTTP | close |\n|---|---|---|\n"
                + ErrorCode.allCases.map {
                    "| `\($0.rawValue)` | \($0.httpStatus) | \($0.closeCode.map { String($0) } ?? "") |\n"
                }.joined()
        case "routes":
            "| method | path | who |\n|---|---|---|\n"
                + (BrokerResponder.routes + [BrokerResponder.byType]).map {
                    "| \($0.method) | `/\($0.pattern.joined(separator: "/"))` | \($0.access.rawValue) |\n"
                }.joined()
        default:
            "| priority | \(PeerStatus.allCases.map(\.rawValue).joined(separator: " | ")) |\n|---|---|---|---|\n"
                + Priority.allCases.map { priority in
                    "| \(priority.rawValue) | "
                        + PeerStatus.allCases.map { DeliveryPolicy.gate(priority, $0).rawValue }.joined(
                            separator: " | ")
                        + " |\n"
                }.joined()
        }
    }
}
