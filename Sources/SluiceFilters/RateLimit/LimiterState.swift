import SluiceCore
import Synchronization

/// What one limit remembers, for all loops and over reloads. Isolation: any thread.
final class LimiterState: Sendable {
    /// Keys that are made of all that the configuration asks for.
    let named: LimiterTable
    /// Addresses, of requests that lack a part of it. A table of their own, since anybody can come from many addresses,
    /// and those who have said who they are must not run out of places through that.
    let strangers: LimiterTable
    private let distance = Mutex<Int64?>(nil)

    init(capacity: Int) {
        named = LimiterTable(capacity: capacity)
        strangers = LimiterTable(capacity: capacity)
    }

    /// How far the clock on the wall is ahead of the monotonic one, in nanoseconds: measured once.
    ///
    /// Windows begin where that clock says that a minute or a day does. But they are counted off by the monotonic clock,
    /// which is one for all loops and never jumps: a wall clock that is set could end a window early, or bring one back.
    func distanceToWallClock(_ measure: () -> Int64) -> Int64 {
        distance.withLock { known in
            if let known { return known }
            let measured = measure()
            known = measured
            return measured
        }
    }
}
