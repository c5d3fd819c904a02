import NIOCore
import Testing

@testable import MeshSDK

/// What a broker that means harm, or is another program, may make a client keep.
@Suite struct HTTPResponseParserTests {
    private static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    /// Feeds a part again and again; true when it was refused before `limit` bytes were taken, and never more than a
    /// little was kept.
    private func isRefused(_ start: String, then part: String, limit: Int = 4 << 20) -> Bool {
        var parser = HTTPResponseParser()
        parser.input.writeString(start)
        var fed = start.utf8.count
        while fed < limit {
            do {
                _ = try parser.next()
            } catch { return true }
            #expect(parser.input.capacity <= 1 << 18)
            parser.input.writeString(part)
            fed += part.utf8.count
        }
        return false
    }

    @Test func aHeadWithoutEndIsRefused() {
        #expect(isRefused("HTTP/1.1 200 OK\r\n", then: "X: y\r\n"))
        #expect(isRefused("HTTP/1.1 200 OK\r\nX: ", then: "y"))
    }

    @Test func interimAnswersWithoutEndAreRefused() {
        #expect(isRefused("", then: "HTTP/1.1 100 Continue\r\n\r\n"))
    }

    @Test func trailersWithoutEndAreRefused() {
        #expect(isRefused(Self.head + "0\r\n", then: "X: y\r\n"))
    }

    @Test func aBodyOfManySmallChunksKeepsNoInput() throws {
        var parser = HTTPResponseParser()
        parser.input.writeString(Self.head)
        for _ in 0..<200_000 {
            parser.input.writeString("1\r\na\r\n")
            #expect(try parser.next() == nil)
        }
        #expect(parser.input.capacity <= 1 << 18)
        parser.input.writeString("0\r\n\r\n")
        #expect(try parser.next()?.body.count == 200_000)
    }

    @Test func aFewInterimAnswersAndAHeadInPiecesArePassed() throws {
        var parser = HTTPResponseParser()
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
            + "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi"
        var answer: HTTPResponse?
        for byte in text.utf8 {
            #expect(answer == nil)
            parser.input.writeInteger(byte)
            answer = try parser.next()
        }
        #expect(answer?.status == 200)
        #expect(answer?.body == Array("hi".utf8))
    }
}
