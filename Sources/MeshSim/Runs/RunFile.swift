import MeshCore

/// Writes a recording line by line: what was written stays readable whenever the program ends.
public struct RunFileWriter: ~Copyable {
    /// Where.
    public let path: String
    private let descriptor: Int32

    /// Makes a file and writes the header; an existing one is emptied with `replacing`, and refused without. Fails when
    /// the file cannot be written.
    public init(_ path: String, header: SimRecording.Header, replacing: Bool = false) throws(SimError) {
        try self.init(path, descriptor: try RunSystem.openToKeep(path, replacing: replacing), header: header)
    }

    init(_ path: String, descriptor: Int32, header: SimRecording.Header) throws(SimError) {
        self.path = path
        self.descriptor = descriptor
        try append(line: header)
    }

    deinit { RunSystem.closeFile(descriptor) }

    /// Adds a tick. Fails when the file cannot be written.
    public func append(_ tick: SimRecording.Tick) throws(SimError) { try append(line: tick) }

    private func append(line: some Encodable) throws(SimError) {
        let bytes: [UInt8]
        do throws(JSONError) {
            bytes = try JSONCoder.encode(line).bytes() + [0x0A]
        } catch { throw SimError("\(path): a line cannot be written: \(error)") }
        try RunSystem.write(bytes, to: descriptor, path: path)
    }
}

/// Reads a recording line by line.
///
/// A last line without its line feed that cannot be read was torn when the writer died: it is skipped, and `tornLine`
/// reports it. Any other line that cannot be read is an error.
public struct RunFileReader: ~Copyable {
    /// The header of the run.
    public let header: SimRecording.Header
    /// The number of the torn last line, from 1; nil when there is none, or when it was not reached yet.
    public private(set) var tornLine: Int?
    private var lines: LineReader
    private var lastTick: Int64?

    /// Opens a recording. Fails when it cannot be read or does not begin with a header.
    public init(_ path: String) throws(SimError) {
        var lines = try LineReader(path)
        guard let first = try lines.next() else { throw SimError("\(path) is empty: no recording") }
        header = try Self.read(SimRecording.Header.self, first.bytes, path, 1)
        self.lines = lines
    }

    /// The next tick; nil at the end. Fails with the line that cannot be read or is out of order.
    public mutating func next() throws(SimError) -> SimRecording.Tick? {
        guard tornLine == nil, let line = try lines.next() else { return nil }
        let tick: SimRecording.Tick
        do throws(SimError) {
            tick = try Self.read(SimRecording.Tick.self, line.bytes, lines.path, lines.number)
        } catch {
            if line.isEnded { throw error }
            tornLine = lines.number
            return nil
        }
        if let lastTick, tick.tick <= lastTick {
            throw SimError("\(lines.path), line \(lines.number): tick \(tick.tick) stands behind tick \(lastTick)")
        }
        guard tick.domains.count == header.domains.count else {
            throw SimError(
                "\(lines.path), line \(lines.number): \(tick.domains.count) hashes for \(header.domains.count) domains")
        }
        lastTick = tick.tick
        return tick
    }

    private static func read<Value: Decodable>(
        _ type: Value.Type, _ bytes: [UInt8], _ path: String, _ number: Int
    ) throws(SimError) -> Value {
        do throws(JSONError) {
            return try JSONCoder.decode(type, from: try JSON.parse(bytes, limits: .recording))
        } catch { throw SimError("\(path), line \(number) cannot be read: \(error)") }
    }
}

extension SimRecording {
    /// Reads a whole recording from a file; `tornLine` as in `RunFileReader`.
    public static func read(_ path: String) throws(SimError) -> (recording: SimRecording, tornLine: Int?) {
        var reader = try RunFileReader(path)
        var recording = SimRecording(header: reader.header)
        while let tick = try reader.next() { recording.ticks.append(tick) }
        return (recording, reader.tornLine)
    }

    /// Writes the whole recording to a file, replacing an existing one.
    public func write(to path: String) throws(SimError) {
        let writer = try RunFileWriter(path, header: header, replacing: true)
        for tick in ticks { try writer.append(tick) }
    }
}
