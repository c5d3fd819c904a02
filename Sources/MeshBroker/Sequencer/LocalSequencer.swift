import MeshCore
import MeshEngine
package import NIOCore
import Synchronization

/// The order of one mesh in this process: a queue drained into one transaction at a time. While a batch is being
/// synced the next one gathers, so that batches form by load, without a timer.
package final class LocalSequencer: Sequencer {
    /// Commands in one transaction at most.
    static let maximumBatch = 4_096
    /// Work that may wait; beyond it callers get `busy`.
    static let maximumQueue = 65_536

    private struct Inbox {
        var queue: [Submission] = []
        var isScheduled = false
        var isClosed = false
        /// What the writer has taken and not finished.
        var waiting = 0
        /// Whether room became free while the writer ran.
        var isResumed = false
    }

    private let inbox = Mutex(Inbox())
    private let loop: any EventLoop
    private let writer: NIOLoopBoundBox<MeshWriter>

    /// Opens a sequencer over a mesh's file; must be called on the writer's loop, which the file never leaves.
    package init(writer: MeshWriter, loop: any EventLoop) {
        self.loop = loop
        self.writer = NIOLoopBoundBox(writer, eventLoop: loop)
        writer.wake = { [weak self] in self?.wake() }
        writer.answers.onRoom { [weak self] in self?.resume() }
        let box = self.writer
        writer.checkpoint = { loop.execute { box.value.makeCheckpoint() } }
    }

    package func submit(_ submissions: [Submission]) {
        guard !submissions.isEmpty else { return }
        enum Verdict { case wake, wait, refuse(MeshError) }
        let verdict: Verdict = inbox.withLock { inbox in
            if inbox.isClosed {
                return .refuse(MeshError(.shuttingDown, "the broker is stopping", hint: "connect again"))
            }
            guard inbox.waiting + inbox.queue.count + submissions.count <= Self.maximumQueue else {
                return .refuse(MeshError(.busy, "the mesh has too much work waiting", hint: "try again in a moment"))
            }
            inbox.queue += submissions
            if inbox.isScheduled { return .wait }
            inbox.isScheduled = true
            return .wake
        }
        switch verdict {
        case .wake: loop.execute { self.drain() }
        case .wait: break
        case .refuse(let error):
            let output = BatchOutput()
            for submission in submissions { output.answer(submission, .failure(error)) }
            output.send()
        }
    }

    /// Fires due timers and resumes what was postponed, even if nobody submits anything.
    package func wake() {
        loop.execute {
            self.writer.value.woken()
            let isIdle = self.inbox.withLock { inbox in
                if inbox.isScheduled { return false }
                inbox.isScheduled = true
                return true
            }
            if isIdle { self.drain() }
        }
    }

    /// Runs what waits in the writer, now that there is room for its answers.
    private func resume() {
        let isIdle = inbox.withLock { inbox in
            inbox.isResumed = true
            if inbox.isScheduled { return false }
            inbox.isScheduled = true
            return true
        }
        if isIdle { loop.execute { self.drain() } }
    }

    private func drain() {
        let work = inbox.withLock { inbox in
            defer { inbox.queue = [] }
            inbox.waiting += inbox.queue.count
            inbox.isResumed = false
            return inbox.queue
        }
        let goesOn = writer.value.run(work)
        let waiting = writer.value.waiting
        let isDone = inbox.withLock { inbox in
            inbox.waiting = waiting
            let isDone = inbox.queue.isEmpty && !goesOn && !inbox.isResumed
            if isDone { inbox.isScheduled = false }
            return isDone
        }
        if !isDone { loop.execute { self.drain() } }
    }

    /// Finishes submitted work, signs a last checkpoint and closes the file.
    package func close() async {
        inbox.withLock { $0.isClosed = true }
        do {
            try await loop.submit {
                self.drain()
                self.writer.value.finish()
                self.writer.value.close()
            }.get()
        } catch {
            // The loop is gone already: there is nothing left to close on it.
        }
    }

    /// Runs something on the writer's loop, between batches, without waiting for it.
    package func onWriter(_ body: @escaping @Sendable (MeshWriter) -> Void) {
        loop.execute { body(self.writer.value) }
    }

    /// Runs something on the writer's loop, between batches.
    package func askWriter<Value: Sendable>(_ body: @escaping @Sendable (MeshWriter) throws -> Value) async throws
        -> Value
    {
        try await loop.submit { try body(self.writer.value) }.get()
    }
}
