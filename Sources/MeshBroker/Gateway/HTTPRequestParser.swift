import NIOCore

/// Parses requests from a buffer, one by one and in pieces as they arrive.
struct HTTPRequestParser {
    enum Step {
        case needsMore
        /// A head is complete; its body follows with the next calls.
        case head(HTTPRequestHead)
        /// The body of the last head is complete.
        case body([UInt8])
        case failed(HTTPRejection)
    }

    private enum Place: Equatable {
        case head
        case length(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailers
    }

    private let limits: GatewayConfiguration
    private var place = Place.head
    private var body: [UInt8] = []
    /// Bytes of the head that were scanned, and where its lines end.
    private var scanned = 0
    private var lineEnds: [Int] = []
    private var trailerBytes = 0

    init(limits: GatewayConfiguration) { self.limits = limits }

    /// Whether a request has begun and is not complete.
    var isInside: Bool { place != .head || scanned > 0 }

    /// Parses the next piece from the front of `buffer`.
    mutating func next(_ buffer: inout ByteBuffer) -> Step {
        do throws(HTTPRejection) {
            if place == .head { return try head(&buffer) }
            return try bodyStep(&buffer)
        } catch {
            return .failed(error)
        }
    }

    private mutating func head(_ buffer: inout ByteBuffer) throws(HTTPRejection) -> Step {
        if lineEnds.isEmpty { skipEmptyLines(&buffer) }
        guard try findLines(buffer) else { return .needsMore }
        let ends = lineEnds
        let limits = limits
        let outcome: Result<HTTPRequestHead, HTTPRejection> = buffer.withUnsafeReadableBytes { bytes in
            var start = 0
            var lines: [HTTPHeadReader.Bytes] = []
            for end in ends.dropLast() {
                lines.append(bytes[start..<end - 2])
                start = end
            }
            do throws(HTTPRejection) { return .success(try HTTPHeadReader.read(lines, limits: limits)) } catch {
                return .failure(error)
            }
        }
        let head = try outcome.get()
        buffer.moveReaderIndex(forwardBy: scanned)
        scanned = 0
        lineEnds = []
        body = []
        switch head.framing {
        case .length(let count): place = .length(remaining: count)
        case .chunked: place = .chunkSize
        }
        return .head(head)
    }

    /// Line breaks between requests are skipped, as RFC 9112 section 2.2 asks.
    private mutating func skipEmptyLines(_ buffer: inout ByteBuffer) {
        while buffer.readableBytesView.starts(with: [0x0D, 0x0A]) {
            buffer.moveReaderIndex(forwardBy: 2)
            scanned = 0
        }
    }

    /// Continues the search for the empty line that ends the head; true when it is found.
    private mutating func findLines(_ buffer: ByteBuffer) throws(HTTPRejection) -> Bool {
        let view = buffer.readableBytesView
        let base = view.startIndex
        var offset = scanned
        while offset < view.count {
            defer { scanned = offset }
            guard let found = view[(base + offset)...].firstIndex(of: 0x0A) else {
                offset = view.count
                break
            }
            let end = found - base + 1
            guard end >= 2, view[found - 1] == 0x0D else { throw .badRequest("A line does not end in CR LF.") }
            offset = end
            let isEmpty = end - (lineEnds.last ?? 0) == 2
            lineEnds.append(end)
            try checkSizes(end)
            if isEmpty { return true }
        }
        scanned = offset
        try checkSizes(offset)
        return false
    }

    private func checkSizes(_ count: Int) throws(HTTPRejection) {
        // The longest method and version around the longest target.
        if (lineEnds.first ?? count) > limits.maxTargetBytes + 64 { throw .targetTooLong(limits.maxTargetBytes) }
        if count > limits.maxHeaderBytes { throw .headersTooLarge(limits.maxHeaderBytes) }
    }

    private mutating func bodyStep(_ buffer: inout ByteBuffer) throws(HTTPRejection) -> Step {
        while true {
            switch place {
            case .head: return .needsMore
            case .length(let remaining):
                let left = take(remaining, &buffer)
                place = .length(remaining: left)
                return left == 0 ? finished() : .needsMore
            case .chunkSize:
                guard let size = try chunkSize(&buffer) else { return .needsMore }
                place = size == 0 ? .trailers : .chunkData(remaining: size)
                trailerBytes = 0
            case .chunkData(let remaining):
                let left = take(remaining, &buffer)
                place = left == 0 ? .chunkEnd : .chunkData(remaining: left)
                if left > 0 { return .needsMore }
            case .chunkEnd:
                guard try takeChunkEnd(&buffer) else { return .needsMore }
                place = .chunkSize
            case .trailers:
                guard let line = try line(&buffer, limit: limits.maxHeaderBytes) else { return .needsMore }
                if line.isEmpty { return finished() }
                trailerBytes += line.count + 2
                if trailerBytes > limits.maxHeaderBytes { throw .headersTooLarge(limits.maxHeaderBytes) }
            }
        }
    }

    private mutating func finished() -> Step {
        defer { body = [] }
        place = .head
        return .body(body)
    }

    /// Moves up to `count` bytes to the body; returns what is still missing.
    private mutating func take(_ count: Int, _ buffer: inout ByteBuffer) -> Int {
        let taken = min(count, buffer.readableBytes)
        body.append(contentsOf: buffer.readBytes(length: taken) ?? [])
        return count - taken
    }

    /// Consumes the line end after a chunk; false when it is not there yet.
    private func takeChunkEnd(_ buffer: inout ByteBuffer) throws(HTTPRejection) -> Bool {
        let found = Array(buffer.readableBytesView.prefix(2))
        guard found.elementsEqual([0x0D, 0x0A].prefix(found.count)) else {
            throw .badRequest("A chunk is longer than its size.")
        }
        guard found.count == 2 else { return false }
        buffer.moveReaderIndex(forwardBy: 2)
        return true
    }

    private func chunkSize(_ buffer: inout ByteBuffer) throws(HTTPRejection) -> Int? {
        guard let line = try line(&buffer, limit: 256) else { return nil }
        let digits = line.prefix { $0 != 0x3B && $0 != 0x20 && $0 != 0x09 }
        guard !digits.isEmpty, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else {
            throw .badRequest("A chunk size is not hexadecimal.")
        }
        let number = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        guard let size = number, size <= limits.maxBodyBytes - body.count else {
            throw .bodyTooLarge(limits.maxBodyBytes)
        }
        return size
    }

    /// The next line without its end; nil when it is not complete.
    private func line(_ buffer: inout ByteBuffer, limit: Int) throws(HTTPRejection) -> [UInt8]? {
        let view = buffer.readableBytesView
        guard let end = view.prefix(limit + 2).firstIndex(of: 0x0A) else {
            guard view.count < limit + 2 else { throw .badRequest("A line of a chunked body is too long.") }
            return nil
        }
        let bytes = Array(view[view.startIndex..<end])
        guard bytes.last == 0x0D else { throw .badRequest("A line does not end in CR LF.") }
        buffer.moveReaderIndex(forwardBy: bytes.count + 1)
        return Array(bytes.dropLast())
    }
}
