import ArgumentParser
import MeshCore
import MeshSDK

/// `mesh-cli doctor`
struct DoctorCommand: MeshCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what could go wrong: keys, broker, clock, version, rights.",
        discussion: """
            Looks at every profile of this machine, or at the one that --mesh and --profile name. Ends with 1 when \
            something is broken; warnings alone end with 0.

            Example: mesh-cli doctor
            """)

    @OptionGroup var options: GlobalOptions

    /// What one check found.
    struct Finding: Sendable {
        enum State: String { case ok, warning, broken }
        var subject: String
        var check: String
        var state: State
        var detail: String
        /// What to do about it.
        var fix: String?
    }

    func execute(_ out: Printer) async throws {
        let findings = await look()
        let json: [JSON] = findings.map {
            [
                "subject": .string($0.subject), "check": .string($0.check), "state": .string($0.state.rawValue),
                "detail": .string($0.detail), "fix": $0.fix.map { .string($0) } ?? .null,
            ]
        }
        let worst: Finding.State =
            findings.contains { $0.state == .broken }
            ? .broken : findings.contains { $0.state == .warning } ? .warning : .ok
        out.result(["state": .string(worst.rawValue), "findings": .array(json)], isAsked: true) {
            let rows = findings.map { [$0.subject, $0.check, $0.state.rawValue, $0.detail] }
            let fixes = findings.compactMap { finding in
                // In full: the table may be cut to the terminal.
                finding.fix.map {
                    "  " + Table.printable("\(finding.subject), \(finding.check): \(finding.detail): \($0)")
                }
            }
            return out.table(Table("SUBJECT", "CHECK", "STATE", "DETAIL", rows: rows), empty: "Nothing to look at.")
                + (fixes.isEmpty ? "" : "What to do:\n" + fixes.joined(separator: "\n") + "\n")
        }
        if worst == .broken { throw Ended(status: .failure) }
    }

    // MARK: Looking

    private func look() async -> [Finding] {
        let home = options.home ?? SystemCalls.environment("MESH_HOME") ?? SystemCalls.homeFolder + "/.config/mesh"
        var findings = [
            Finding(subject: "mesh-cli", check: "version", state: .ok, detail: MeshVersion.text)
        ]
        let meshes: [ProfileStore.MeshEntry]
        do { meshes = try options.store.meshes() } catch {
            return findings + [broken("profiles", "read", error.message, error.hint)]
        }
        if meshes.isEmpty {
            findings.append(
                Finding(
                    subject: "profiles", check: "read", state: .warning, detail: "no mesh is known in \(home)",
                    fix: "mesh-cli mesh create NAME, or mesh-cli join INVITE"))
        }
        for mesh in meshes where options.mesh == nil || options.mesh == mesh.slug || options.mesh == mesh.meshID {
            for profile in mesh.profiles where options.profile == nil || options.profile == profile {
                findings += await look(at: mesh, profile)
            }
        }
        return findings
    }

    private func look(at mesh: ProfileStore.MeshEntry, _ profile: String) async -> [Finding] {
        let subject = "\(mesh.slug)/\(profile)"
        let credentials: Credentials
        do { credentials = try options.store.load(mesh: mesh.slug, profile: profile).credentials } catch {
            return [broken(subject, "keys", error.message, error.hint)]
        }
        var findings = [Finding(subject: subject, check: "keys", state: .ok, detail: "private to this user")]
        findings.append(transport(subject, credentials.broker))
        let before = SystemCalls.now()
        let node: MeshAPI.NodeInfo
        do { node = try await MeshAPI.node(broker: credentials.broker, group: EventLoops.shared) } catch {
            return findings + [broken(subject, "broker", error.message, error.hint)]
        }
        let took = SystemCalls.now() - before
        findings.append(
            Finding(
                subject: subject, check: "broker", state: .ok, detail: "\(credentials.broker) answers in \(took) ms"))
        findings.append(version(subject, node.version))
        findings += clock(subject, node.serverTime, before: before, took: took)
        guard node.node == credentials.node else {
            return findings + [
                broken(
                    subject, "identity",
                    "the broker shows the key \(node.node.shortHex)…, not \(credentials.node.shortHex)…",
                    "another broker answers there: check the address, and join again only if you know why it changed")
            ]
        }
        findings.append(Finding(subject: subject, check: "identity", state: .ok, detail: "the node that was joined"))
        findings += await membership(subject, credentials)
        return findings
    }

    private func transport(_ subject: String, _ broker: String) -> Finding {
        let isLocal = (try? BrokerAddress(parsing: broker))?.isThisMachine ?? false
        if broker.hasPrefix("https://") {
            let isPinned = broker.contains("@")
            return Finding(
                subject: subject, check: "transport", state: .ok,
                detail: isPinned ? "TLS, pinned" : "TLS, system's authorities")
        }
        if isLocal { return Finding(subject: subject, check: "transport", state: .ok, detail: "this machine") }
        return Finding(
            subject: subject, check: "transport", state: .warning, detail: "plain text to another machine",
            fix: "give meshd --tls-certificate and --tls-key, and join again over its pinned https address")
    }

    private func version(_ subject: String, _ theirs: String) -> Finding {
        let same = theirs == MeshVersion.text
        return Finding(
            subject: subject, check: "version", state: same ? .ok : .warning,
            detail: "the broker is \(SafeText.line(theirs, limit: 64))",
            fix: same ? nil : "bring broker and command line to the same version")
    }

    private func clock(_ subject: String, _ serverTime: Int64?, before: Int64, took: Int64) -> [Finding] {
        guard let serverTime else { return [] }
        // A broker may name any time.
        let (difference, overflow) = serverTime.subtractingReportingOverflow(before + took / 2)
        let skew = overflow ? .max : max(difference, -.max)
        // Signed requests are refused beyond a minute.
        let state: Finding.State = abs(skew) > 60_000 ? .broken : abs(skew) > 5_000 ? .warning : .ok
        return [
            Finding(
                subject: subject, check: "clock", state: state, detail: "\(skew) ms from the broker's",
                fix: state == .ok ? nil : "set the clock of this machine or of the broker's")
        ]
    }

    private func membership(_ subject: String, _ credentials: Credentials) async -> [Finding] {
        do {
            return try await withAPI(of: credentials) { api in
                let me = try await api.call(WhoAmI())
                var head = try await api.call(GetLedgerHead())
                // A new ledger is signed within a second or two: that it is not yet is nothing to warn of.
                for _ in 0..<20 where head.checkpointSize == nil {
                    try await Task.sleep(for: .milliseconds(250))
                    head = try await api.call(GetLedgerHead())
                }
                let covered = head.checkpointSize ?? 0
                return [
                    Finding(
                        subject: subject, check: "membership", state: .ok,
                        detail: "\(me.name) is \(me.role.rawValue), \(me.pending) waiting"),
                    Finding(
                        subject: subject, check: "ledger", state: covered > 0 ? .ok : .warning,
                        detail: "\(head.size) entries, signed up to \(covered)",
                        fix: covered > 0 ? nil : "look at the broker's log: no checkpoint could be stored"),
                ]
            }
        } catch {
            let failure = Failure(error)
            return [broken(subject, "membership", failure.message, failure.hint)]
        }
    }

    private func broken(_ subject: String, _ check: String, _ detail: String, _ fix: String?) -> Finding {
        Finding(subject: subject, check: check, state: .broken, detail: detail, fix: fix)
    }
}
