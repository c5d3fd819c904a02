import MeshCore
import MeshSDK
import Synchronization

/// Who may command a run: the mesh's owner and admins as they are now, and those whom `--allow` names.
final class Commanders: Sendable {
    /// How often roles are refreshed: a removed admin can command no longer than this.
    static let interval: Duration = .seconds(2)

    private let allowed: Set<PublicKey>
    private let leads: Mutex<Set<PublicKey>>

    init(_ allowed: [PublicKey], _ members: [MemberList.Row]) {
        self.allowed = Set(allowed)
        leads = Mutex(Self.leads(members))
    }

    /// Reports whether a member may command. A member removed from the mesh may not, even if allowed before.
    func mayCommand(_ member: PublicKey) -> Bool {
        allowed.contains(member) || leads.withLock { $0.contains(member) }
    }

    /// Updates the members.
    func update(_ members: [MemberList.Row]) {
        let now = Self.leads(members)
        leads.withLock { $0 = now }
    }

    /// Looks roles up until the task is cancelled. While the broker is away nobody's orders come, and roles stay as they were.
    func follow(_ client: MeshClient) async {
        while (try? await Task.sleep(for: Self.interval)) != nil {
            if let members = try? await client.callAll(ListMembers()).members { update(members) }
        }
    }

    private static func leads(_ members: [MemberList.Row]) -> Set<PublicKey> {
        Set(members.filter { $0.role == .owner || $0.role == .admin }.map(\.pubkey))
    }
}
