public import MeshCore
import NIOCore
import NIOPosix

/// What a failure of the network means, in words: never the text of a library.
enum FaultWords {
    /// Why a connection could not be made or has ended.
    static func of(_ error: any Error) -> String {
        switch error {
        case let error as TransportError: error.message
        case let error as IOError: Descriptor.Failure(number: error.errnoCode).text.lowercasedFirst
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { of($0.error) } ?? "no address to connect to"
        case let error as ChannelError: of(error)
        case is CancellationError: "it was cancelled"
        default: "the line broke"
        }
    }

    private static func of(_ error: ChannelError) -> String {
        switch error {
        case .connectTimeout: "no answer in time"
        case .eof, .inputClosed: "the other end closed it"
        case .ioOnClosedChannel, .alreadyClosed, .outputClosed: "it was closed"
        default: "the line broke"
        }
    }
}

extension TransportError {
    /// What to do about it; nil when the message says it.
    public var hint: String? {
        switch code {
        case .refused: "start meshd there, or check the address"
        case .timeout: "check the address, what stands between, and the broker's load"
        case .closed: "try again; if it stays so, look at the broker's log"
        case .handshake, .unsupported, .address: nil
        }
    }

    /// Whether nobody was reached at all.
    var isUnreachable: Bool { code == .refused || code == .timeout }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
