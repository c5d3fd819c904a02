import MeshCore
import MeshSDK

/// Which broker is meant, in the one form in which an address is kept.
enum BrokerChoice {
    /// What was given on the command line, `$MESH_BROKER`, or the address where meshd listens unless it is told otherwise.
    /// Fails with what is wrong with the first of these.
    static func address(_ given: String?, profile: String? = nil) throws -> String {
        if let named = given ?? profile { return try BrokerAddress(parsing: named).text }
        guard let variable = SystemCalls.environment("MESH_BROKER") else { return "http://127.0.0.1:7900" }
        do throws(IdentityError) { return try BrokerAddress(parsing: variable).text } catch {
            throw Failure.usage("$MESH_BROKER: \(error.message)")
        }
    }
}
