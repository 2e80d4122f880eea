import Atomics
package import NIOCore
import SluiceCore
import Synchronization

/// What became of the lines of the access log, over all files that a gateway has written it to. Any thread.
package final class LogCounts: Sendable {
    private let written = ManagedAtomic<Int>(0)
    private let lost = ManagedAtomic<Int>(0)
    private let waiting = ManagedAtomic<Int>(0)
    private let stalls = Mutex<[Weak]>([])

    private struct Weak { weak var stall: Stall? }

    package init() {}

    /// Lines that the system has taken.
    package var writtenLines: Int { written.load(ordering: .relaxed) }
    /// Lines that were dropped or could not be written.
    package var lostLines: Int { lost.load(ordering: .relaxed) }
    /// Bytes that were taken and are not written yet.
    package var waitingBytes: Int { waiting.load(ordering: .relaxed) }

    func wrote(lines: Int) { written.wrappingIncrement(by: lines, ordering: .relaxed) }
    func lost(lines: Int) { lost.wrappingIncrement(by: lines, ordering: .relaxed) }
    func queued(bytes: Int) { waiting.wrappingIncrement(by: bytes, ordering: .relaxed) }
    func dequeued(bytes: Int) { waiting.wrappingDecrement(by: bytes, ordering: .relaxed) }

    /// For how long a log has taken nothing though there is something to write; of several, the longest.
    package func stalled(at now: NIODeadline) -> TimeAmount {
        let begins = stalls.withLock { $0.compactMap { $0.stall?.since } }
        return begins.map { max(now - $0, .zero) }.max() ?? .zero
    }

    func makeStall() -> Stall {
        let stall = Stall()
        stalls.withLock { known in
            known.removeAll { $0.stall == nil }
            known.append(Weak(stall: stall))
        }
        return stall
    }

    /// Since when one log has taken nothing. Written by its thread, read by any.
    final class Stall: Sendable {
        /// Nanoseconds of the monotonic clock; 0: there is nothing to write.
        private let begun = ManagedAtomic<UInt64>(0)

        var since: NIODeadline? {
            let nanoseconds = begun.load(ordering: .relaxed)
            return nanoseconds == 0 ? nil : .uptimeNanoseconds(nanoseconds)
        }

        func begin() { begun.store(max(SystemClock.monotonic().uptimeNanoseconds, 1), ordering: .relaxed) }
        func end() { begun.store(0, ordering: .relaxed) }
    }
}
