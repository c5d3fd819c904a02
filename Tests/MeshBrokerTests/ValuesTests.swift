import Foundation
import MeshCore
import NIOCore
import Testing

@testable import MeshBroker

/// The pure parts of the broker's edge, driven by hand.
@Suite struct ValuesTests {
    // MARK: Time

    @Test func `a batch's time never goes back, whatever the wall clock does`() {
        var clock = BatchClock(last: 1_000)
        let first = clock.stamp(wall: 500, monotonic: 0)
        #expect(first == 1_000)
        var last: Int64 = 1_000
        for (place, wall) in ([9_999_999, -5, 0, 1_200, 3_000_000] as [Int64]).enumerated() {
            let stamp = clock.stamp(wall: wall, monotonic: Int64(place + 1) * 100)
            #expect(stamp >= last)
            #expect(stamp - last <= 110, "a jump of the wall clock is no jump of the mesh's time")
            last = stamp
        }
    }

    @Test func `a wrong time is made good slowly`() {
        var clock = BatchClock(last: 0)
        _ = clock.stamp(wall: 10_000, monotonic: 0)
        let faster = clock.stamp(wall: 12_000, monotonic: 1_000)
        #expect(faster == 11_100)
        let slower = clock.stamp(wall: 10_500, monotonic: 2_000)
        #expect(slower == 12_000)
    }

    @Test func `a wrong time is made good under load too, when batches follow at once`() {
        var clock = BatchClock(last: 0)
        _ = clock.stamp(wall: 10_000, monotonic: 0)
        for now in stride(from: Int64(1), through: 20_000, by: 1) {
            _ = clock.stamp(wall: 11_000 + now, monotonic: now)
        }
        #expect(clock.time(wall: 31_000, monotonic: 20_000) == 31_000)
    }

    // MARK: Signatures that are used once

    @Test func `a signature is accepted once, until nobody could use it any more`() {
        let cache = ReplayCache(lifetimeMillis: 1_000, capacity: 10)
        #expect(Self.use(1, cache, at: 0) == nil)
        #expect(Self.use(1, cache, at: 999) == .replayed)
        #expect(Self.use(2, cache, at: 999) == nil)
        #expect(Self.use(1, cache, at: 1_500) == nil, "its own timestamp refuses it by now")
    }

    private static func token(_ number: UInt8, owner: UInt8) -> ReplayToken {
        ReplayToken(
            Signature(bytes: [UInt8](repeating: number, count: 64)) ?? .zero,
            owner: PublicKey(bytes: [UInt8](repeating: owner, count: 32)) ?? .zero)
    }

    /// Uses a signature up; gives why not.
    private static func use(_ number: UInt8, _ cache: ReplayCache, at now: Int64, owner: UInt8? = nil) -> ErrorCode? {
        let token = token(number, owner: owner ?? number)
        do throws(MeshError) {
            try cache.reserve(token, at: now)
            cache.confirm(token)
            return nil
        } catch { return error.code }
    }

    @Test func `what a stranger signed is forgotten, what a member signed stays`() throws {
        let cache = ReplayCache(lifetimeMillis: 1_000, capacity: 10)
        let (stranger, member) = (Self.token(1, owner: 1), Self.token(2, owner: 2))
        try cache.reserve(stranger, at: 0)
        #expect(throws: MeshError.self, "not twice at the same time") { try cache.reserve(stranger, at: 0) }
        cache.release(stranger)
        #expect(cache.count == 0)
        try cache.reserve(member, at: 0)
        cache.confirm(member)
        cache.release(member)
        #expect(cache.count == 1)
        #expect(Self.use(2, cache, at: 500) == .replayed)
    }

    @Test func `one member cannot take the memory of all`() {
        let cache = ReplayCache(lifetimeMillis: 1_000, capacity: 40)
        for number in 0..<10 { #expect(Self.use(UInt8(number), cache, at: 0, owner: 1) == nil) }
        #expect(Self.use(10, cache, at: 0, owner: 1) == .rateLimited)
        #expect(Self.use(11, cache, at: 0, owner: 2) == nil)
        #expect(Self.use(10, cache, at: 1_001, owner: 1) == nil, "its share is free again")
    }

    @Test func `a full cache refuses newcomers instead of forgetting`() {
        let cache = ReplayCache(lifetimeMillis: 1_000, capacity: 3)
        for token in 0..<3 { #expect(Self.use(UInt8(token), cache, at: 0) == nil) }
        #expect(Self.use(9, cache, at: 10) == .busy)
        #expect(Self.use(0, cache, at: 10) == .replayed)
        #expect(Self.use(9, cache, at: 1_001) == nil)
    }

    // MARK: What a connection may have open

    @Test func `reading stops at the limit and goes on at half of it`() {
        var limits = ConnectionLimits()
        limits.unansweredRequests = 4
        limits.unansweredBytes = 1_000
        var budget = RequestBudget()
        let stops = (0..<5).map { _ in budget.take(bytes: 1, limits: limits) }
        #expect(stops == [false, false, false, true, false], "told once")
        let resumes = (0..<5).map { _ in budget.give(bytes: 1, limits: limits) }
        #expect(resumes == [false, false, true, false, false])
        let stopsForBytes = budget.take(bytes: 1_000, limits: limits)
        #expect(stopsForBytes)
    }

    @Test func `a bucket gives its burst and then its rate`() {
        var bucket = TokenBucket(rate: 10, burst: 3)
        let start = NIODeadline.uptimeNanoseconds(1)
        let times = [0, 0, 0, 0, 101, 102] + [Int64](repeating: 3_600_000, count: 4)
        let taken = times.map { bucket.take(at: start + .milliseconds($0)) }
        #expect(taken == [true, true, true, false, true, false, true, true, true, false])
    }

    // MARK: Clients that acknowledge nothing

    @Test func `a pong confirms what was pushed before its ping, and nothing later`() {
        var receipts = TransportReceipts()
        let nothing = receipts.ping()
        #expect(nothing == nil)
        receipts.sent(1)
        receipts.sent(2)
        let first = receipts.ping() ?? []
        receipts.sent(3)
        let second = receipts.ping() ?? []
        let none = receipts.ping()
        #expect(none == nil)
        var confirmed = [[1, 2, 3], first, first].map { receipts.confirm($0) }
        receipts.sent(4)
        confirmed.append(receipts.confirm(second))
        #expect(confirmed == [[], [1, 2], [], [3]])
    }

    // MARK: A broker in this process

    private static func folder() -> URL {
        FileManager.default.temporaryDirectory.appending(path: "mesh-values-\(UUID().uuidString)")
    }

    @Test func `a second broker on the same folder is refused and harms nothing`() async throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try await Broker(configuration: BrokerConfiguration(dataFolder: folder.path))
        await #expect(throws: (any Error).self) {
            try await Broker(configuration: BrokerConfiguration(dataFolder: folder.path))
        }
        await first.shutdown()
        let again = try await Broker(configuration: BrokerConfiguration(dataFolder: folder.path))
        #expect(again.nodeKey == first.nodeKey)
        await again.shutdown()
    }
}
