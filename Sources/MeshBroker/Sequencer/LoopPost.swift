import DequeModule
package import NIOCore
import Synchronization

/// Work for an I/O loop that can be interrupted.
protocol LoopWork: Sendable {
    /// Works on until nothing is left, or `isOver` answers true; it is asked often. True when nothing is left.
    mutating func work(until isOver: () -> Bool) -> Bool
}

/// What the meshes' writers have to tell on one I/O loop, in their order and in slices. A loop looks at its sockets only once no
/// task waits: without a break in between, a writer that makes work as fast as the loop does it keeps every socket unread.
package final class LoopPost: Sendable {
    /// How long the sockets wait at most, but for the last step of a slice. What a batch of ordinary load has to tell fits: a look
    /// at the sockets in its middle would make two small writes of one, and small batches of large ones.
    static let slice = TimeAmount.milliseconds(8)
    /// The break: long enough to be in the future when the loop asks what is due next, so that it looks at its sockets.
    static let pause = TimeAmount.microseconds(50)

    private struct Line {
        var work: Deque<any LoopWork> = []
        var isWorking = false
    }

    private let loop: any EventLoop
    private let now: @Sendable () -> NIODeadline
    private let interrupted: @Sendable () -> Void
    private let line = Mutex(Line())

    /// The post of a loop. `interrupted` is called for every slice that left work undone.
    package init(
        _ loop: any EventLoop, now: @escaping @Sendable () -> NIODeadline = { .now() },
        interrupted: @escaping @Sendable () -> Void = {}
    ) {
        self.loop = loop
        self.now = now
        self.interrupted = interrupted
    }

    /// Adds work behind what waits. Safe on every thread.
    func add(_ work: any LoopWork) {
        let isIdle = line.withLock { line in
            line.work.append(work)
            if line.isWorking { return false }
            line.isWorking = true
            return true
        }
        if isIdle { loop.execute { self.run() } }
    }

    /// One slice.
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
