import MeshCore

/// A folder of recordings, `<model>-<number>-<seed>.jsonl`.
public struct RunStore: Sendable, Hashable {
    /// A recording in the folder.
    public struct Entry: Sendable, Hashable {
        /// The file's name.
        public var name: String
        /// Its position.
        public var path: String
        /// Its header; nil when it cannot be read.
        public var header: SimRecording.Header?
        /// Why it cannot be read.
        public var error: String?
    }

    /// The folder.
    public let folder: String
    /// The maximum number of recordings.
    public static let limit = 1_000_000

    /// A folder; it is made with the first recording.
    public init(_ folder: String) { self.folder = folder }

    /// Begins a recording with the next number of its model. Fails when the folder cannot be made or written.
    public func create(_ header: SimRecording.Header) throws(SimError) -> RunFileWriter {
        try RunSystem.makeFolder(folder)
        let model = Self.fileName(header.model)
        var number = try lastNumber(of: model) + 1
        // Another program may take a number meanwhile.
        while number <= Self.limit {
            let digits = String(number)
            let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            let path = "\(folder)/\(model)-\(padded)-\(Self.fileName(header.seed)).jsonl"
            if let descriptor = try RunSystem.openToWrite(path, isNew: true) {
                return try RunFileWriter(path, descriptor: descriptor, header: header)
            }
            number += 1
        }
        throw SimError("\(folder) holds \(Self.limit) recordings of \(model): take another folder", kind: .file)
    }

    /// Returns the recordings by name, with their headers. Fails when the folder cannot be read.
    public func list() throws(SimError) -> [Entry] {
        try RunSystem.names(in: folder).filter { $0.hasSuffix(".jsonl") }.prefix(Self.limit).map { name in
            var entry = Entry(name: name, path: "\(folder)/\(name)")
            do throws(SimError) {
                entry.header = try RunFileReader(entry.path).header
            } catch { entry.error = error.description }
            return entry
        }
    }

    private func lastNumber(of model: String) throws(SimError) -> Int {
        var last = 0
        for name in try RunSystem.names(in: folder) where name.hasPrefix(model + "-") {
            let number = Int(name.dropFirst(model.utf8.count + 1).prefix { $0 != "-" }) ?? 0
            if number < Self.limit { last = max(last, number) }
        }
        return last
    }

    /// A text that stays within the folder, whatever a header says.
    private static func fileName(_ text: String) -> String {
        let allowed = text.unicodeScalars.prefix(64).map { scalar -> Character in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_": Character(scalar)
            default: "_"
            }
        }
        return allowed.isEmpty ? "run" : String(allowed)
    }
}
