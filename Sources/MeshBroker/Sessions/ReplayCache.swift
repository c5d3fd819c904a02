package import MeshCore
import MeshStore
import Synchronization

/// A single-use signature, as it is remembered.
package struct ReplayToken: Sendable, Hashable {
    let signature: Bytes32
    /// Fields sent beside the signature, where the signature does not cover them; nil where it covers all.
    let variant: Bytes32?
    /// The member whose share of the memory it takes.
    let owner: UInt64

    /// Makes a token. `variant` is for claudemesh's hello: it signs the millisecond and no session key, so that two
    /// hellos of one member in one millisecond have one signature.
    package init(_ signature: Signature, variant: String? = nil, owner: PublicKey) {
        self.signature = Self.hash(signature.bytes)
        self.variant = variant.map { Self.hash(signature.bytes + Array($0.utf8)) }
        self.owner = owner.bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func hash(_ bytes: [UInt8]) -> Bytes32 { Bytes32(Hashing.sha256(bytes)) ?? Bytes32() }
}

/// Remembers used signatures, for as long as they could be used again; with a journal also across a crash.
///
/// A signature is reserved before the mesh decides and confirmed when the mesh knows the signer; a stranger's is
/// released, so that it fills neither the memory nor the journal.
package final class ReplayCache: Sendable {
    private struct Use {
        /// Unix milliseconds.
        var until: Int64
        var owner: UInt64
        var isConfirmed: Bool
    }
    private struct Memory {
        var seen: [Bytes32: Use] = [:]
        var counts: [UInt64: Int] = [:]
        var sweepAt: Int64 = 0
    }
    /// Hellos with one signature, which differ in their session, are accepted this long after the first.
    package static let simultaneousMillis: Int64 = 5_000

    private let memory: Mutex<Memory>
    private let journal: ReplayJournal?
    private let lifetimeMillis: Int64
    /// More than honest clients can make in a lifetime; beyond it newcomers are refused.
    private let capacity: Int
    /// The part of it that one member may take.
    private var share: Int { max(1, capacity / 4) }

    package init(journal: ReplayJournal? = nil, lifetimeMillis: Int64 = 150_000, capacity: Int = 1_000_000) {
        self.journal = journal
        self.lifetimeMillis = lifetimeMillis
        self.capacity = capacity
        memory = Mutex(
            Memory(seen: (journal?.remembered ?? [:]).mapValues { Use(until: $0, owner: 0, isConfirmed: true) }))
    }

    /// Number of remembered uses.
    package var count: Int { memory.withLock { $0.seen.count } }

    /// Reserves a signature. Fails with `replayed` when it was used, `busy` when the memory is full,
    /// `rate_limited` when its member takes more than its share.
    package func reserve(_ token: ReplayToken, at now: Int64) throws(MeshError) {
        let refusal: MeshError? = memory.withLock { memory in
            sweep(&memory, at: now)
            guard isNew(token, memory, at: now) || PlantedFault.strikes(.forgetSignatures) else {
                return MeshError(
                    .replayed, "this signature was used before", hint: "sign each hello and request separately")
            }
            guard memory.seen.count < capacity else {
                return MeshError(.busy, "too many signatures are remembered", hint: "try again in a minute")
            }
            guard memory.counts[token.owner, default: 0] < share else {
                return MeshError(
                    .rateLimited, "this member made more than \(share) signatures in \(lifetimeMillis / 1_000) s",
                    hint: "keep a connection open instead")
            }
            for key in token.keys where memory.seen[key] == nil {
                memory.seen[key] = Use(until: now + lifetimeMillis, owner: token.owner, isConfirmed: false)
                memory.counts[token.owner, default: 0] += 1
            }
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Keeps a reserved signature: the mesh knows the signer.
    package func confirm(_ token: ReplayToken) {
        memory.withLock { memory in
            for key in token.keys {
                guard let use = memory.seen[key], !use.isConfirmed else { continue }
                memory.seen[key]?.isConfirmed = true
                journal?.append(key, until: use.until)
            }
        }
    }

    /// Releases a reserved signature: a stranger's.
    package func release(_ token: ReplayToken) {
        memory.withLock { memory in
            for key in token.keys where memory.seen[key]?.isConfirmed == false {
                memory.seen[key] = nil
                forget(token.owner, &memory)
            }
        }
    }

    private func isNew(_ token: ReplayToken, _ memory: Memory, at now: Int64) -> Bool {
        guard let first = memory.seen[token.signature] else { return true }
        guard let variant = token.variant, memory.seen[variant] == nil else { return false }
        return now - (first.until - lifetimeMillis) <= Self.simultaneousMillis
    }

    /// Drops what nobody could use any more: twice per lifetime, and when it is full at most once a second.
    private func sweep(_ memory: inout Memory, at now: Int64) {
        let isFull = memory.seen.count >= capacity
        guard now >= memory.sweepAt || isFull && now >= memory.sweepAt - lifetimeMillis / 2 + 1_000 else { return }
        for (key, use) in memory.seen where use.until <= now {
            memory.seen[key] = nil
            forget(use.owner, &memory)
        }
        memory.sweepAt = now + lifetimeMillis / 2
        journal?.rewrite(memory.seen.filter(\.value.isConfirmed).mapValues(\.until))
    }

    private func forget(_ owner: UInt64, _ memory: inout Memory) {
        guard let count = memory.counts[owner] else { return }
        memory.counts[owner] = count > 1 ? count - 1 : nil
    }
}

extension ReplayToken {
    fileprivate var keys: [Bytes32] { [signature] + (variant.map { [$0] } ?? []) }
}
