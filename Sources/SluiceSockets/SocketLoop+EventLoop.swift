package import Dispatch
package import NIOCore
import SluiceCore

/// What NIOCore asks of an event loop.
extension SocketLoop: EventLoop {
    package var now: NIODeadline { SystemClock.monotonic() }

    package func execute(_ task: @escaping @Sendable () -> Void) { post(task) }

    @discardableResult
    package func scheduleTask<T>(
        deadline: NIODeadline,
        _ task: @escaping @Sendable () throws -> T
    ) -> Scheduled<T> {
        let (timer, scheduled) = schedule(deadline, task)
        if inEventLoop { add(timer) } else { post { self.add(timer) } }
        return scheduled
    }

    @discardableResult
    package func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: now + delay, task)
    }

    private func schedule<T>(_ deadline: NIODeadline, _ task: @escaping () throws -> T) -> (LoopTimer, Scheduled<T>) {
        let promise = makePromise(of: T.self)
        let run = {
            do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) }
        }
        let timer = LoopTimer(deadline: deadline.uptimeNanoseconds, run: run) {
            promise.fail(EventLoopError.cancelled)
        }
        let scheduled = Scheduled(promise: promise) { [self] in
            if inEventLoop { remove(timer) } else { post { self.remove(timer) } }
        }
        return (timer, scheduled)
    }

    package func preconditionInEventLoop(file: StaticString, line: UInt) {
        precondition(inEventLoop, "not on the loop \(name)", file: file, line: line)
    }

    package func preconditionNotInEventLoop(file: StaticString, line: UInt) {
        precondition(!inEventLoop, "on the loop \(name)", file: file, line: line)
    }

    // What is on the loop already needs no second closure around it.

    package func _executeIsolatedUnsafeUnchecked(_ task: @escaping () -> Void) { postHere(task) }

    @discardableResult
    package func _scheduleTaskIsolatedUnsafeUnchecked<T>(
        deadline: NIODeadline,
        _ task: @escaping () throws -> T
    ) -> Scheduled<T> {
        let (timer, scheduled) = schedule(deadline, task)
        add(timer)
        return scheduled
    }

    @discardableResult
    package func _scheduleTaskIsolatedUnsafeUnchecked<T>(
        in delay: TimeAmount,
        _ task: @escaping () throws -> T
    ) -> Scheduled<T> {
        _scheduleTaskIsolatedUnsafeUnchecked(deadline: now + delay, task)
    }

    // MARK: - As a group of one

    package func next() -> any EventLoop { self }

    package func makeIterator() -> EventLoopIterator { EventLoopIterator([self]) }

    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        queue.async {
            self.stop()
            callback(nil)
        }
    }

    package func _preconditionSafeToSyncShutdown(file: StaticString, line: UInt) {
        preconditionNotInEventLoop(file: file, line: line)
    }
}
