public import MeshCore
import Synchronization

/// What the session is doing.
extension MeshClient {
    /// Says what the session is doing. `working` is renewed by itself until another status is set.
    @discardableResult
    public func setStatus(_ status: PeerStatus, leaseMillis: Int64? = nil) async throws(MeshError) -> PresenceSet {
        let lease = leaseMillis ?? DeliveryPolicy.workingLeaseMillis
        core.withLock { $0.workingLease = status == .working ? lease : nil }
        return try await call(SetStatus(status: status, lease: status == .working ? lease : nil))
    }
}
