import Logging
import MeshCore
import MeshEngine
import MeshStore
import NIOCore
import NIOPosix
import Synchronization

/// Looks for damaged pages: in whole files after an unclean stop, and continuously a little of each.
/// Findings are named in the log and counted; `Damage` decides which meshes continue with them.
extension BrokerNode {
    /// Pages that are read at once, between two batches of their mesh.
    private static let scrubPages: Int64 = 8
    /// Milliseconds between two steps: with pages of 16 KiB a quarter of a MiB a second.
    private static let scrubMillis: Int64 = 500
    /// Milliseconds between the end of a file and its beginning.
    private static let restMillis: Int64 = 24 * 3_600_000

    /// Reads a mesh's file in small steps while it is open.
    func scrub(_ handle: MeshHandle, _ file: String, from page: Int64 = 1, after millis: Int64 = scrubMillis) {
        ioGroup.next().scheduleTask(in: .milliseconds(millis)) { [weak self] in
            guard let self, isOpen(handle) else { return }
            handle.sequencer.onWriter { writer in
                do throws(StoreError) {
                    let damaged = try writer.damagedPages(from: page, count: Self.scrubPages)
                    let next = page + Self.scrubPages
                    let isAtEnd = try next > writer.pagesOnDisk()
                    self.metrics.scrubbed(pages: Self.scrubPages)
                    self.found(damaged, in: file, of: handle)
                    self.scrub(
                        handle, file, from: isAtEnd ? 1 : next, after: isAtEnd ? Self.restMillis : Self.scrubMillis)
                } catch {
                    self.logger.error(
                        "a mesh's file cannot be checked", metadata: ["file": "\(file)", "error": "\(error)"])
                }
            }
        }
    }

    /// After an unclean stop the whole file is checked while the mesh serves.
    func checkBehind(_ file: String, _ handle: MeshHandle) {
        _ = NIOThreadPool.singleton.runIfActive(eventLoop: ioGroup.next()) { [self] in
            do {
                let database = try Database(path: file, mode: .readOnly)
                defer { database.close() }
                let suspected = try database.damagedPages()
                if suspected.isEmpty {
                    let faults = try database.integrityCheck()
                    guard !faults.isEmpty else {
                        logger.info("the file is sound", metadata: ["mesh": "\(handle.facts.slug)"])
                        return
                    }
                    throw StoreError(.corrupt, "\(file) is damaged: \(faults.prefix(3).joined(separator: "; "))")
                }
                // Between batches nothing writes to the file: damage seen then is real.
                handle.sequencer.onWriter { writer in
                    let damaged = suspected.filter {
                        (try? !writer.damagedPages(from: $0, count: 1).isEmpty) ?? false
                    }
                    self.found(damaged, in: file, of: handle)
                }
            } catch let error as StoreError where !error.isDamage {
                if error.isFatal { onFatal(error) } else { report(error, file) }
            } catch {
                stop(handle, file, because: MeshError(storing: error))
            }
        }
    }

    private func report(_ error: any Error, _ file: String) {
        logger.error("a mesh's file cannot be checked", metadata: ["file": "\(file)", "error": "\(error)"])
    }

    /// Logs which rows damaged pages affect, once per page, and stops the mesh when it needs them.
    private func found(_ pages: [Int64], in file: String, of handle: MeshHandle) {
        let new = damagedPages.withLock { known in
            let new = pages.filter { !(known[file]?.contains($0) ?? false) }
            known[file, default: []].formUnion(new)
            metrics.set("broker_damaged_pages", Double(known.values.reduce(0) { $0 + $1.count }))
            return new
        }
        guard !new.isEmpty else { return }
        let mesh = handle.facts.slug
        logger.error(
            "pages of a mesh's file do not hold what was written",
            metadata: ["mesh": "\(mesh)", "file": "\(file)", "pages": "\(new.prefix(20))"])
        _ = NIOThreadPool.singleton.runIfActive(eventLoop: ioGroup.next()) { [self] in
            do {
                let database = try Database(path: file, mode: .readOnly)
                defer { database.close() }
                let parts = try database.damagedParts()
                for part in parts {
                    logger.error("a part of a mesh is damaged", metadata: ["mesh": "\(mesh)", "part": "\(part)"])
                }
                guard let worst = parts.first(where: { !Damage.isBearable($0) }) else { return }
                stop(
                    handle, file,
                    because: MeshError(
                        .damaged, "the file of the mesh \(mesh) is damaged (\(worst))", hint: "restore it from a backup"
                    ))
            } catch {
                stop(handle, file, because: MeshError(storing: error))
            }
        }
    }

    /// Closes a mesh that cannot continue; the others are not affected.
    func stop(_ handle: MeshHandle, _ file: String, because reason: MeshError) {
        Task {
            guard isOpen(handle) else { return }
            await close(meshID: handle.facts.id, file: file)
            failed(file, reason)
        }
    }
}
