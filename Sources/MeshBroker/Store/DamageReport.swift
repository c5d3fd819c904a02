import CSQLite

/// A part of a database that cannot be read.
public struct DamagedPart: Sendable, Hashable, CustomStringConvertible {
    /// The part of a table.
    public enum Place: Sendable, Hashable {
        /// The rows between two keys; nil is the table's beginning or end. Their number is unknown.
        case rows(after: String?, before: String?)
        /// The contents of one row, whose key can be read.
        case contents(of: String)
        /// No row: an index, or free space.
        case noRow
    }

    /// The table; empty for `noRow`.
    public var table: String
    /// The part of the table.
    public var place: Place

    /// Names a part.
    public init(table: String, place: Place) {
        self.table = table
        self.place = place
    }

    /// The text in one line.
    public var description: String {
        switch place {
        case .rows(let after?, let before?): "\(table): rows after \(after) and before \(before)"
        case .rows(let after?, nil): "\(table): rows after \(after)"
        case .rows(nil, let before?): "\(table): rows before \(before)"
        case .rows(nil, nil): "\(table): all rows"
        case .contents(let key): "\(table): the contents of \(key)"
        case .noRow: "an index or free space"
        }
    }
}

extension Database {
    /// The tables and keys that the damaged pages affect, at most `limit` of them. Reads every table, so the time grows
    /// with the file's size. Empty when every row can be read. Fails with errors other than damage, for example `busy`.
    public func damagedParts(limit: Int = 20) throws -> [DamagedPart] {
        let tables: [String]
        do {
            tables = try prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").rows {
                $0.text(0)
            }
        } catch let error as StoreError where error.isDamage {
            return [DamagedPart(table: "sqlite_schema", place: .rows(after: nil, before: nil))]
        }
        var parts: [DamagedPart] = []
        for table in tables where parts.count < limit { parts += try damagedParts(of: table) }
        return Array(parts.prefix(limit))
    }

    private func damagedParts(of table: String) throws -> [DamagedPart] {
        let keys = try prepare("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk").rows(table) {
            "\"\($0.text(0))\""
        }
        guard !keys.isEmpty else { return [] }
        let forward = try walk("*", of: table, by: keys, keysAt: try places(of: keys, in: table))
        guard forward.isDamaged else { return [] }
        // The damage starts after the last row that was read; its extent is found from the other end.
        let backward = try walk("*", of: table, by: keys, keysAt: try places(of: keys, in: table), reversed: true)
        return try parts(of: table, keys, after: forward.last, before: backward.last)
    }

    /// Distinguishes rows whose contents are damaged from rows that cannot be found at all.
    private func parts(
        of table: String, _ keys: [String], after: [String]?, before: [String]?
    ) throws -> [DamagedPart] {
        let whole = DamagedPart(table: table, place: .rows(after: after.map(Self.text), before: before.map(Self.text)))
        let found: [[String]]
        do {
            found = try between(keys, of: table, after: after, before: before)
        } catch let error as StoreError where error.isDamage { return [whole] }
        if found.count == 1 { return [DamagedPart(table: table, place: .contents(of: Self.text(found[0])))] }
        let marks = keys.map { "\($0) = ?" }.joined(separator: " AND ")
        var parts: [DamagedPart] = []
        for key in found {
            do {
                _ = try prepare("SELECT * FROM \"\(table)\" WHERE \(marks)").rows(key) { _ in }
            } catch let error as StoreError where error.isDamage {
                parts.append(DamagedPart(table: table, place: .contents(of: Self.text(key))))
            }
        }
        return parts.isEmpty ? [whole] : parts
    }

    /// The keys between two rows, without reading what the rows hold. Walks from the beginning: to find a row by its
    /// key, SQLite compares whole rows on the way, including damaged ones. At most 1,000.
    private func between(_ keys: [String], of table: String, after: [String]?, before: [String]?) throws -> [[String]] {
        let list = keys.joined(separator: ", ")
        let statement = try prepare("SELECT \(list) FROM \"\(table)\" ORDER BY \(list)")
        defer { statement.reset() }
        var isInside = after == nil
        var found: [[String]] = []
        while found.count < 1_000, try statement.step() {
            let key = keys.indices.map { statement.text(Int32($0)) }
            if key == before { break }
            if isInside { found.append(key) }
            if key == after { isInside = true }
        }
        return found
    }

    /// Reads rows in the order of their keys, up to the first that cannot be read.
    private func walk(
        _ columns: String, of table: String, by keys: [String], keysAt places: [Int32], reversed: Bool = false
    ) throws -> (last: [String]?, isDamaged: Bool) {
        let order = keys.map { reversed ? "\($0) DESC" : $0 }.joined(separator: ", ")
        var last: [String]?
        let statement = try prepare("SELECT \(columns) FROM \"\(table)\" ORDER BY \(order)")
        defer { statement.reset() }
        let damage = Result { () throws(StoreError) in
            while try statement.step() { last = places.map { statement.text($0) } }
        }
        switch damage {
        case .success: return (last, false)
        case .failure(let error) where error.isDamage: return (last, true)
        case .failure(let error): throw error
        }
    }

    private func places(of keys: [String], in table: String) throws -> [Int32] {
        let columns = try prepare("SELECT name FROM pragma_table_info(?) ORDER BY cid").rows(table) {
            "\"\($0.text(0))\""
        }
        return keys.compactMap { key in columns.firstIndex(of: key).map(Int32.init) }
    }

    private static func text(_ key: [String]) -> String { key.joined(separator: "/") }
}
