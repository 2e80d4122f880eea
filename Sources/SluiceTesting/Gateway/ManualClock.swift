package import NIOCore
import Synchronization

/// Time that stands still until a test moves it.
package final class ManualClock: Sendable {
    private let nanoseconds = Mutex<Int64>(1_000_000_000_000)

    package init() {}

    /// For `LoopContext`.
    package var monotonic: @Sendable () -> NIODeadline {
        { [self] in .uptimeNanoseconds(UInt64(nanoseconds.withLock { $0 })) }
    }

    /// For `LoopContext`: the same time, counted from 2023-11-14.
    package var wall: @Sendable () -> Int64 {
        { [self] in 1_700_000_000 + nanoseconds.withLock { $0 } / 1_000_000_000 - 1000 }
    }

    package func advance(by amount: TimeAmount) { nanoseconds.withLock { $0 += amount.nanoseconds } }
}
