package import MeshCore
import MeshStore
package import NIOSSL
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The certificate that a gateway presents, read from files and read again when they change: a renewed certificate
/// needs no restart.
package final class TLSIdentity: Sendable {
    private struct Loaded {
        var context: NIOSSLContext
        var pin: String
        /// The state of the files when they were read.
        var stamps: [FileStamp?]
        var checkedAt: Int64
        /// The state of files that could not be used: they are not tried or reported again in that state.
        var refused: [FileStamp?]?
    }

    /// What distinguishes a changed file from an unchanged one.
    private struct FileStamp: Hashable {
        var seconds: Int
        var nanoseconds: Int
        /// When permissions or names changed.
        var changedSeconds: Int
        var changedNanoseconds: Int
        var size: Int64
        var inode: UInt64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            seconds = Int(status.st_mtim.tv_sec)
            nanoseconds = Int(status.st_mtim.tv_nsec)
            changedSeconds = Int(status.st_ctim.tv_sec)
            changedNanoseconds = Int(status.st_ctim.tv_nsec)
            size = Int64(status.st_size)
            inode = UInt64(status.st_ino)
        }
    }

    private static let checkMillis: Int64 = 1_000
    private let certificate: String
    private let key: String
    private let monotonicMillis: @Sendable () -> Int64
    private let onProblem: @Sendable (MeshError) -> Void
    private let loaded: Mutex<Loaded>

    /// Reads a chain (PEM, the server's own certificate first) and its private key (PEM). Fails with what is wrong with
    /// which file. A later change that cannot be read is reported to `onProblem`, and the old certificate stays in use.
    package init(
        certificate: String, key: String, monotonicMillis: @escaping @Sendable () -> Int64,
        onProblem: @escaping @Sendable (MeshError) -> Void
    ) throws(MeshError) {
        self.certificate = certificate
        self.key = key
        self.monotonicMillis = monotonicMillis
        self.onProblem = onProblem
        loaded = Mutex(try Self.load(certificate, key, at: monotonicMillis()))
    }

    /// SHA-256 of the certificate's public key (SubjectPublicKeyInfo), base64url: what clients pin. A renewal that
    /// keeps the key does not change it.
    package var pin: String { loaded.withLock { $0.pin } }

    /// What a new connection needs; the files are checked once a second at most.
    package func context() -> NIOSSLContext {
        let now = monotonicMillis()
        let (context, problem) = loaded.withLock { loaded -> (NIOSSLContext, MeshError?) in
            guard now - loaded.checkedAt >= Self.checkMillis else { return (loaded.context, nil) }
            loaded.checkedAt = now
            let stamps = [FileStamp(certificate), FileStamp(key)]
            guard stamps != loaded.stamps, stamps != loaded.refused else { return (loaded.context, nil) }
            do throws(MeshError) {
                loaded = try Self.load(certificate, key, at: now)
                return (loaded.context, nil)
            } catch {
                // Perhaps only one of the two files is new yet: the next change is checked.
                loaded.refused = stamps
                return (loaded.context, error)
            }
        }
        if let problem { onProblem(problem) }
        return context
    }

    /// Reads the files at once, changed or not. Fails with what is wrong with which file; the old certificate then
    /// stays.
    package func reload() throws(MeshError) {
        let fresh = try Self.load(certificate, key, at: monotonicMillis())
        loaded.withLock { $0 = fresh }
    }

    private static func load(_ certificate: String, _ key: String, at now: Int64) throws(MeshError) -> Loaded {
        let stamps = [FileStamp(certificate), FileStamp(key)]
        guard stamps.allSatisfy({ $0 != nil }) else {
            let missing = stamps[0] == nil ? certificate : key
            throw MeshError(.invalidArgument, "\(missing) cannot be opened", hint: "name a PEM file")
        }
        for path in [certificate, key] where Files.isFolder(path) {
            throw MeshError(.invalidArgument, "\(path) is a folder, not a file", hint: "name a PEM file")
        }
        let chain: [NIOSSLCertificate]
        let privateKey: NIOSSLPrivateKey
        do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
            throw MeshError(.invalidArgument, "\(certificate) holds no certificate", hint: "it must be PEM")
        }
        do { privateKey = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
            throw MeshError(
                .invalidArgument, "\(key) holds no private key", hint: "it must be PEM without a passphrase")
        }
        guard let first = chain.first, let spki = try? first.extractPublicKey().toSPKIBytes() else {
            throw MeshError(.invalidArgument, "\(certificate) holds no certificate", hint: "it must be PEM")
        }
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        settings.minimumTLSVersion = .tlsv13
        settings.applicationProtocols = ["http/1.1"]
        do {
            return Loaded(
                context: try NIOSSLContext(configuration: settings),
                pin: Base64.encodeURL(Hashing.sha256(spki)), stamps: stamps, checkedAt: now)
        } catch {
            throw MeshError(.invalidArgument, "\(key) is not the key of \(certificate)", hint: "name the pair")
        }
    }
}
