/// A request whose answer may come in pages: a list ends before its frame gets large, and says what the next page comes
/// after.
public protocol PagedRequest: ReadRequest where Answer: PagedReply {
    /// Only what follows this: `next` of the page before; nil begins.
    var after: String? { get set }
}

/// One page of a list.
public protocol PagedReply: Reply {
    /// What the next page comes after; nil when this is the last.
    var next: String? { get }
    /// Adds the page that follows.
    mutating func append(_ page: Self)
}

extension PagedRequest {
    /// More pages than any list within the limits of a mesh has.
    private var maximumPages: Int { 65_536 }

    /// All pages as one answer. `ask` makes one request; its error ends the whole.
    public func all(
        _ ask: (Self) async throws(MeshError) -> Answer
    ) async throws(MeshError) -> Answer {
        var request = self
        var whole = try await ask(request)
        var seen: Set<String> = []
        while let next = whole.next {
            // A broker that lies could go on for ever.
            guard seen.insert(next).inserted, seen.count <= maximumPages else {
                throw MeshError(.internalError, "the broker gives the same page again, and would go on for ever")
            }
            request.after = next
            whole.append(try await ask(request))
        }
        return whole
    }
}

/// How large answers are made. Requests are answered by one writer for everybody: what is larger comes in pages, or is
/// refused with `too_large`.
public enum AnswerSize {
    /// A page of bodies or values ends before it is larger, in bytes; one row always fits.
    public static let page = 256 << 10
    /// Answers that are not asked for in pages are no larger, in bytes.
    public static let whole = 1 << 20
}
