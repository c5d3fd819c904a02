import Foundation
import MeshCore
import Synchronization
import Testing

@testable import MeshBroker

/// A certificate that changes while a broker serves.
@Suite struct TLSIdentityTests {
    private final class World: Sendable {
        let now = Mutex<Int64>(0)
        let problems = Mutex<[String]>([])
    }

    private let folder: URL
    private let world = World()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "mesh-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    /// A self-signed certificate and its key.
    private func makePair() throws {
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            path("key.pem"), "-out", path("chain.pem"), "-subj", "/CN=localhost", "-days", "2",
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        try #require(openssl.terminationStatus == 0)
    }

    private func identity() throws -> TLSIdentity {
        try TLSIdentity(
            certificate: path("chain.pem"), key: path("key.pem"),
            monotonicMillis: { [world] in world.now.withLock { $0 } }
        ) { [world] problem in world.problems.withLock { $0.append(problem.message) } }
    }

    /// A connection comes a while later.
    private func connect(_ identity: TLSIdentity) {
        world.now.withLock { $0 += 2_000 }
        _ = identity.context()
    }

    @Test func `files that cannot be used are reported once, and again when they change`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try makePair()
        let identity = try identity()
        let pin = identity.pin
        try "no certificate".write(toFile: path("chain.pem"), atomically: false, encoding: .utf8)
        for _ in 0..<5 { connect(identity) }
        #expect(world.problems.withLock { $0.count } == 1)
        try "none of another kind".write(toFile: path("chain.pem"), atomically: false, encoding: .utf8)
        for _ in 0..<5 { connect(identity) }
        #expect(world.problems.withLock { $0.count } == 2)
        #expect(identity.pin == pin)
        try makePair()
        connect(identity)
        #expect(identity.pin != pin)
        #expect(world.problems.withLock { $0.count } == 2)
    }

    @Test func `a reload looks at once, and names what is wrong`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try makePair()
        let identity = try identity()
        let pin = identity.pin
        try makePair()
        try identity.reload()
        #expect(identity.pin != pin)
        try FileManager.default.removeItem(atPath: path("chain.pem"))
        try FileManager.default.createDirectory(atPath: path("chain.pem"), withIntermediateDirectories: true)
        let error = #expect(throws: MeshError.self) { try identity.reload() }
        #expect(error?.message.contains("is a folder") == true)
    }
}
