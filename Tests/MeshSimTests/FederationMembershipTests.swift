import Testing

@testable import MeshSim

/// Domains come and go at random: what a tick reads, once it may begin, never changes, and all of it is there.
@Suite struct FederationMembershipTests {
    private static func domains(_ stream: inout RandomStream) -> [FederationDomain] {
        let count = 3 + stream.below(3)
        return (0..<count).map { place in
            let others = (0..<count).filter { $0 != place }
            let policies: [LeavePolicy] = [.freeze, .delete, .handOver(to: "d\(others[stream.below(others.count)])")]
            let inputs = others.filter { _ in stream.chance(0.6) }
                .map { DomainInput("d\($0)", lookahead: Int64(1 + stream.below(3))) }
            return FederationDomain(
                "d\(place)", inputs: inputs, leavePolicy: policies[stream.below(3)], isFounder: stream.chance(0.7))
        }
    }

    @Test(arguments: 0..<30)
    func whatATickReadsNeverChanges(_ number: Int) throws {
        var stream = RandomStream(seed: UInt64(number), domain: "test", purpose: "membership")
        let declared = Self.domains(&stream)
        var table = try GrantTable(declared)
        var reads: [DomainTick: [DomainRead]] = [:]
        var galt: Int64 = -1
        for _ in 0..<150 {
            let name = declared[stream.below(declared.count)].name
            let isHere = table.present.contains(name)
            if isHere, stream.chance(0.04) {
                // The tick that it may have begun is not made any more.
                let next = try #require(table.sealedTick(name)) + 1
                reads[DomainTick(name, at: next)] = nil
                let departure = stream.chance(0.5) ? try table.resign(name) : try table.lost(name)
                #expect(departure.lastTick == next - 1)
                #expect(departure.effective >= next)
            } else if isHere {
                let next = try #require(table.sealedTick(name)) + 1
                if try table.mayEnter(name, next) == .granted, stream.chance(0.8) {
                    _ = try table.sealed(name, next)
                    if stream.chance(0.5) { try table.checkpointed(name, next) }
                }
            } else if stream.chance(0.2) {
                let earliest = try table.earliestJoin(name)
                #expect(throws: FederationError.self) { try table.join(name, at: earliest - 1) }
                try table.join(name, at: earliest + Int64(stream.below(3)))
            }
            for name in table.present {
                let next = try #require(table.sealedTick(name)) + 1
                guard try table.mayEnter(name, next) == .granted else { continue }
                let now = try table.reads(name, next)
                let before = reads.updateValue(now, forKey: DomainTick(name, at: next))
                #expect(before == nil || before == now)
                for read in now {
                    guard let source = read.source, source != name else { continue }
                    let sealed = try #require(table.sealedTick(source))
                    #expect(try (table.keepFrom(source)...sealed).contains(read.tick), "\(name) at \(next): \(read)")
                }
            }
            if let now = table.galt {
                #expect(now >= galt)
                galt = max(galt, now)
            }
        }
        for (place, before) in reads { #expect(try table.reads(place.domain, place.tick) == before, "\(place)") }
    }
}
