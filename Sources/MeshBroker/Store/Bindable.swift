/// A value that a statement can bind.
public protocol Bindable {
    /// Binds itself to an index, counted from 1. Fails with `misuse` when there is no such index.
    func bind(to statement: Statement, at place: Int32) throws(StoreError)
}

extension Int64: Bindable {
    /// Binds an integer.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self) }
}
extension Int32: Bindable {
    /// Binds an integer.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) {
        try statement.bind(place, Int64(self))
    }
}
extension Int: Bindable {
    /// Binds an integer.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) {
        try statement.bind(place, Int64(self))
    }
}
extension Double: Bindable {
    /// Binds a number; SQLite stores NaN as null.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self) }
}
extension Bool: Bindable {
    /// Binds 1 or 0.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) {
        try statement.bind(place, self ? Int64(1) : 0)
    }
}
extension String: Bindable {
    /// Binds a text.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self) }
}
extension [UInt8]: Bindable {
    /// Binds a blob.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) { try statement.bind(place, self) }
}
extension Optional: Bindable where Wrapped: Bindable {
    /// Binds the value, or null.
    public func bind(to statement: Statement, at place: Int32) throws(StoreError) {
        if let self { try self.bind(to: statement, at: place) } else { try statement.bindNull(place) }
    }
}
