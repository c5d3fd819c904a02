import MeshCore

/// Reads a file line by line; buffers one line and what was read beyond it.
struct LineReader: ~Copyable {
    let path: String
    /// The number of the last line returned, from 1.
    private(set) var number = 0
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private var chunk = [UInt8](repeating: 0, count: 1 << 16)

    /// Opens a file. Fails when it cannot be read.
    init(_ path: String) throws(SimError) {
        let descriptor = try RunSystem.openToRead(path)
        self.path = path
        self.descriptor = descriptor
    }

    deinit { RunSystem.closeFile(descriptor) }

    /// The next line, and whether a line feed ended it; nil at the end. Fails when a line is longer than a recording's may
    /// be.
    mutating func next() throws(SimError) -> (bytes: [UInt8], isEnded: Bool)? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                let line = Array(buffer[start..<end])
                start = end + 1
                number += 1
                return (line, true)
            }
            searched = buffer.count
            if isAtEnd { return rest() }
            guard buffer.count - start <= JSONLimits.recording.maxBytes else {
                throw SimError("\(path), line \(number + 1): longer than \(JSONLimits.recording.maxBytes) bytes")
            }
            buffer.removeFirst(start)
            searched -= start
            start = 0
            let count = try RunSystem.read(descriptor, into: &chunk, path: path)
            if count == 0 { isAtEnd = true } else { buffer += chunk[..<count] }
        }
    }

    private mutating func rest() -> (bytes: [UInt8], isEnded: Bool)? {
        guard start < buffer.count else { return nil }
        let line = Array(buffer[start...])
        start = buffer.count
        number += 1
        return (line, false)
    }
}
