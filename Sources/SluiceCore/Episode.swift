package import NIOCore
import Synchronization

/// Tells the first of a row of like events from those that follow it, so that a row is logged once and not per event.
///
/// A row is over when nothing has happened for a minute. Isolation: any thread.
package final class Episode: Sendable {
    private static let pause: UInt64 = 60_000_000_000

    /// Nanoseconds of the monotonic clock; 0: never.
    private let last = Atomic<UInt64>(0)

    package init() {}

    /// Notes an event.
    ///
    /// - Returns: whether it is the first of its row.
    package func begins(at now: NIODeadline) -> Bool {
        let now = max(now.uptimeNanoseconds, 1)
        let before = last.exchange(now, ordering: .relaxed)
        return before == 0 || (now > before && now - before > Self.pause)
    }
}
