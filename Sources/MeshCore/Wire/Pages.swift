/// A request whose answer may come in pages: a list ends before its frame gets large, and states where the next page
/// starts.
public protocol PagedRequest: ReadRequest where Answer: PagedReply {
    /// Only items after this one: `next` of the previous page; nil starts at the beginning.
    var after: String? { get set }
}

/// One page of a list.
public protocol PagedReply: Reply {
    /// The item that the next page comes after; nil when this is the last.
    var next: String? { get }
    /// Appends the following page.
    mutating func append(_ page: Self)
}

extension PagedRequest {
    /// More pages than any list within the limits of a mesh has.
    private var maximumPages: Int { 65_536 }

    /// All pages as one answer. `ask` makes one request; its error aborts all of it.
    public func all(
        _ ask: (Self) async throws(MeshError) -> Answer
    ) async throws(MeshError) -> Answer {
        var request = self
        var whole = try await ask(request)
        var seen: Set<String> = []
        while let next = whole.next {
            // A malicious broker could go on for ever.
            guard seen.insert(next).inserted, seen.count <= maximumPages else {
                throw MeshError(.internalError, "the broker gives the same page again, and would go on for ever")
            }
            request.after = next
            whole.append(try await ask(request))
        }
        return whole
    }
}

/// The size limits of answers. One writer answers requests for everybody: larger answers come in pages, or are
/// refused with `too_large`.
public enum AnswerSize {
    /// A page of bodies or values ends before it exceeds this, in bytes; one row always fits.
    public static let page = 256 << 10
    /// The maximum size of answers without pages, in bytes.
    public static let whole = 1 << 20
}
