#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Threads: event loops, the acceptor, file watching, building snapshots.
package enum ControlThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        let name: String
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a detached thread with every signal blocked, so that signals reach the thread that waits for them.
    ///
    /// - Returns: false when the system gives no thread; then `run` is never called.
    @discardableResult
    package static func spawn(name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = start(name: name, run) else { return false }
        pthread_detach(thread.thread)
        return true
    }

    /// A thread that somebody waits for.
    package struct Running: Sendable {
        fileprivate let thread: pthread_t

        /// Returns when the thread has ended. Once, and never from the thread itself.
        package func join() { pthread_join(thread, nil) }
    }

    /// As `spawn`, for a thread that must be joined.
    ///
    /// - Returns: nil when the system gives no thread; then `run` is never called.
    package static func start(name: String, _ run: @escaping @Sendable () -> Void) -> Running? {
        var thread = pthread_t()
        // SAFETY: taken over exactly once: by the new thread in `enter`, or right here when there is none.
        let body = Unmanaged.passRetained(Body(name, run)).toOpaque()
        guard pthread_create(&thread, nil, enter, body) == 0 else {
            Unmanaged<Body>.fromOpaque(body).release()
            return nil
        }
        return Running(thread: thread)
    }

    private static let enter: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        // SAFETY: `spawn` passed it retained; it is taken over exactly once, here.
        let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        setName(body.name)
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        body.run()
        return nil
    }

    /// The name that `top -H` shows; there is no portable call for it.
    private static func setName(_ name: String) {
        let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = Array(name.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
