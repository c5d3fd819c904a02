public import MeshCore

/// Makes requests of a mesh: the live client over its connection, `MeshAPI` over HTTP. Every capability's calls are extensions of
/// this protocol, so that both have them.
public protocol MeshCaller: Sendable {
    /// Makes any request of the protocol. Fails with the broker's error; with `invalid_argument` before anything is sent when a field
    /// is not within its bounds; with `busy` when the broker cannot be reached.
    func call<Asked: Request>(_ request: Asked) async throws(MeshError) -> Asked.Answer

    /// Makes a request for a list, page by page. Fails as `call`, and when a broker's pages are more than any list can have.
    func callAll<Asked: PagedRequest>(_ request: Asked) async throws(MeshError) -> Asked.Answer
}

extension MeshClient: MeshCaller {}
extension MeshAPI: MeshCaller {}
