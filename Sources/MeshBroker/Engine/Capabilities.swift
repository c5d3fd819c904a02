import MeshCore

/// Every capability of this broker. To add one, add a line here; nothing else changes.
package enum Capabilities {
    /// In the order in which their tables are made and their memory is loaded.
    package static let all: [Capability] = [
        Members.capability,
        Rights.capability,
        Grants.capability,
        Invites.capability,
        Connections.capability,
        Sessions.capability,
        Messages.capability,
        Receipts.capability,
        Presence.capability,
        Groups.capability,
        Topics.capability,
        State.capability,
        Clock.capability,
        LedgerAccess.capability,
        LogKeyRotations.capability,
        Maintenance.capability,
        SessionLookup.capability,
        KeyOwnership.capability,
    ]

    /// The table of all capabilities.
    package static let table = CapabilityTable(all)
}
