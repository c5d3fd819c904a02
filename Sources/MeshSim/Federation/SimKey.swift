/// The state keys of a federation: `sim:<domain>:<key>`, and `sim:<domain>:manifest` for what a tick consists of.
public enum SimKey {
    /// The reserved name.
    public static let manifestName = "manifest"

    /// The prefix of all keys of a domain.
    public static func prefix(_ domain: String) -> String { "sim:\(domain):" }

    /// The key of a domain's manifest.
    public static func manifest(_ domain: String) -> String { prefix(domain) + manifestName }

    /// The key of a value. Fails when the domain or the value's name is not valid, or the key is longer than 256 bytes.
    public static func make(_ domain: String, _ name: String) throws(FederationError) -> String {
        try FederationLimits.checkName(domain)
        guard !name.isEmpty, name != manifestName, name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw FederationError(
                .invalid,
                "\"\(name.prefix(80))\" is no name of a value: it is empty, has control characters, or is "
                    + "\"\(manifestName)\", which names the tick's manifest")
        }
        let key = prefix(domain) + name
        guard key.utf8.count <= FederationLimits.keyBytes else {
            throw FederationError(
                .limit,
                "the key \(key.prefix(80))... has \(key.utf8.count) bytes; at most \(FederationLimits.keyBytes) are valid"
            )
        }
        return key
    }

    /// The parts of a key. Fails when it is none of a federation.
    public static func split(_ key: String) throws(FederationError) -> (domain: String, name: String) {
        let parts = key.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "sim", !parts[2].isEmpty, key.utf8.count <= FederationLimits.keyBytes else {
            throw FederationError(
                .invalid,
                "\"\(key.prefix(80))\" is no key of a federation: those are sim:<domain>:<name>, of at most "
                    + "\(FederationLimits.keyBytes) bytes")
        }
        try FederationLimits.checkName(String(parts[1]))
        return (String(parts[1]), String(parts[2]))
    }
}
