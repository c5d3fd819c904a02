import DequeModule
package import NIOCore
import Synchronization

/// Interruptible work for an I/O loop.
protocol LoopWork: Sendable {
    /// Continues until nothing is left, or `isOver` returns true; it is called often. True when nothing is left.
    mutating func work(until isOver: () -> Bool) -> Bool
}

/// What the meshes' writers send on one I/O loop, in their order and in slices. A loop polls its sockets only when no
/// task waits: without a break in between, a writer that makes work as fast as the loop does it keeps every socket
/// unread.
package final class LoopPost: Sendable {
    /// The longest time that the sockets wait, except for the last step of a slice. A batch of ordinary load fits:
    /// polling the sockets in its middle would make two small writes of one, and small batches of large ones.
    static let slice = TimeAmount.milliseconds(8)
    /// The break: long enough to be in the future when the loop looks for what is due next, so that it polls its
    /// sockets.
    static let pause = TimeAmount.microseconds(50)

    private struct Line {
        var work: Deque<any LoopWork> = []
        var isWorking = false
    }

    private let loop: any EventLoop
    private let now: @Sendable () -> NIODeadline
    private let interrupted: @Sendable () -> Void
    private let line = Mutex(Line())

    /// Makes the queue of a loop. `interrupted` is called for every slice that left work undone.
    package init(
        _ loop: any EventLoop, now: @escaping @Sendable () -> NIODeadline = { .now() },
        interrupted: @escaping @Sendable () -> Void = {}
    ) {
        self.loop = loop
        self.now = now
        self.interrupted = interrupted
    }

    /// Adds work at the end. Thread-safe.
    func add(_ work: any LoopWork) {
        let isIdle = line.withLock { line in
            line.work.append(work)
            if line.isWorking { return false }
            line.isWorking = true
            return true
        }
        if isIdle { loop.execute { self.run() } }
    }

    /// Runs one slice.
    private func run() {
        let begun = now()
        let isOver = { self.now() - begun >= Self.slice }
        while var work = next() {
            if !work.work(until: isOver) {
                line.withLock { [work] in $0.work.prepend(work) }
                return goOnLater()
            }
            if isOver(), line.withLock({ !$0.work.isEmpty }) { return goOnLater() }
        }
    }

    /// The next work; without any the loop is idle again.
    private func next() -> (any LoopWork)? {
        line.withLock { line in
            let work = line.work.popFirst()
            if work == nil { line.isWorking = false }
            return work
        }
    }

    private func goOnLater() {
        interrupted()
        loop.scheduleTask(in: Self.pause) { self.run() }
    }
}
