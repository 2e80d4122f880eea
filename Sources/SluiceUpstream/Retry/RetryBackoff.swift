package import NIOCore
package import SluiceCore

/// How long to wait before a retry.
///
/// Fully jittered and exponential, as Envoy's: before the Nth retry a time in `0 ..< (2^N - 1) * base`, the bound
/// capped at `longest`. Clients that failed together thus do not come back together.
///
/// Isolation: any. Allocates: never.
package struct RetryBackoff: Sendable {
    private let base: Int64
    private let longest: Int64

    package init(base: TimeAmount, longest: TimeAmount) {
        self.base = max(base.nanoseconds, 0)
        self.longest = max(longest.nanoseconds, 0)
    }

    /// A wait before the given retry; 1 is the first.
    package func wait(before retry: Int, random: inout RandomSource) -> TimeAmount {
        .nanoseconds(Int64(random.below(UInt64(bound(before: retry)))))
    }

    /// The wait is shorter than this.
    func bound(before retry: Int) -> Int64 {
        let doublings = min(max(retry, 1), 62)
        let (time, isTooLong) = base.multipliedReportingOverflow(by: (1 << Int64(doublings)) - 1)
        return isTooLong ? longest : min(time, longest)
    }

    /// A time that the upstream asked for (`Retry-After`), up to half longer: not shorter, and not all at once.
    package static func spread(_ asked: TimeAmount, random: inout RandomSource) -> TimeAmount {
        let nanoseconds = max(asked.nanoseconds, 0)
        let (time, isTooLong) = nanoseconds.addingReportingOverflow(Int64(random.below(UInt64(nanoseconds / 2))))
        return isTooLong ? asked : .nanoseconds(time)
    }
}
