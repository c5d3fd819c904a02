import MeshCore
import MeshStore

/// The cost of an answer, counted while it is made: its approximate bytes, with the memory of its values.
package final class ReadMeter {
    /// Bytes so far.
    package private(set) var bytes = 256

    package init() {}

    /// Adds a part of the answer.
    package func add(_ part: Int) { bytes += part }
}

/// Takes the rows of an answer up to its maximum size.
struct AnswerPage {
    private let meter: ReadMeter
    private var room: Int
    private var isEmpty = true
    /// Whether a row was left out.
    private(set) var isFull = false

    /// A page of at most this many bytes; its first row always fits.
    init(_ meter: ReadMeter, limit: Int) {
        self.meter = meter
        room = limit
    }

    /// Whether a row of about this many bytes belongs to the page; after the first that does not, none does.
    mutating func takes(_ bytes: Int) -> Bool {
        guard !isFull, isEmpty || bytes <= room else {
            isFull = true
            return false
        }
        isEmpty = false
        room -= bytes
        meter.add(bytes)
        return true
    }

    /// The items that fit, in order.
    mutating func take<Item>(_ items: some Sequence<Item>, bytes: (Item) throws -> Int) rethrows -> [Item] {
        var taken: [Item] = []
        for item in items {
            guard takes(try bytes(item)) else { break }
            taken.append(item)
        }
        return taken
    }
}

extension ReadView {
    /// A page of bodies or values.
    func page() -> AnswerPage { AnswerPage(meter, limit: AnswerSize.page) }
    /// A page of a list that states what follows. Claudemesh clients, which request no second one, get as much as an
    /// answer holds.
    func listPage() -> AnswerPage {
        let isLegacy = state.identity(of: actor)?.session.dialect == .claudemesh
        return AnswerPage(meter, limit: isLegacy ? AnswerSize.whole : AnswerSize.page)
    }
    /// An answer without pages.
    func wholePage() -> AnswerPage { AnswerPage(meter, limit: AnswerSize.whole) }

    /// The items of an answer that has no pages. Fails with `too_large` when they do not fit.
    func whole<Item>(
        _ items: some Sequence<Item>, _ what: String, hint: String, bytes: (Item) throws -> Int
    ) throws -> [Item] {
        var page = wholePage()
        let taken = try page.take(items, bytes: bytes)
        guard !page.isFull else {
            throw MeshError(
                .tooLarge, "\(what) take more than \(AnswerSize.whole) bytes, which is what one answer holds",
                hint: hint)
        }
        return taken
    }

    /// The session or member that a page comes after. Fails with `invalid_argument` when it is no longer known.
    func cursor<Found>(_ after: String?, _ find: (PublicKey) -> Found?) throws(MeshError) -> Found? {
        guard let after else { return nil }
        guard let found = PublicKey(hex: after).flatMap(find) else {
            throw .argument("after", "is not known here any more", hint: "begin again without it")
        }
        return found
    }
}

/// The cost of a value as a tree: many small elements take more memory and time than their text suggests.
enum ValueCost {
    /// Bytes of memory that an element takes besides its text.
    private static let element = 32

    /// The approximate size in bytes of the tree of a JSON text, from its punctuation.
    static func of(_ text: UnsafeRawBufferPointer) -> Int {
        var elements = 0
        for byte in text {
            if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { elements += 1 }
        }
        return text.count + element * elements
    }
}

extension Array where Element: Comparable {
    /// Of ascending elements, those after one; all when it is nil.
    func after(_ element: Element?) -> ArraySlice<Element> {
        guard let element else { return self[...] }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] <= element { low = middle + 1 } else { high = middle }
        }
        return self[low...]
    }
}

extension Session {
    /// The approximate size in bytes of its row in a list of peers.
    var listBytes: Int {
        let texts = [summary, label, info.sessionID, info.cwd, info.hostname, info.peerType, info.channel, info.model]
        let said = texts.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
        return 620 + said + groups.reduce(0) { $0 + 40 + $1.name.utf8.count + ($1.role?.utf8.count ?? 0) }
    }
}

extension Member {
    /// The approximate size in bytes of its row in a list.
    var listBytes: Int { 280 + name.utf8.count }
}
