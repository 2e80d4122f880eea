internal import Atomics
import SluiceCore

/// How many requests each caller has under way at one upstream, over all loops; made only where a share is configured.
///
/// Callers are not known beforehand and their number has no bound, so this is a sketch (count-min, two rows): a caller
/// is refused wrongly only if in both rows it shares a cell with others that together have its share taken, which among
/// a thousand callers with requests under way happens to one in some thousands. The cells follow from a keyed hash: who
/// has many addresses cannot choose some that share the cells of another one. Memory: 16 KiB.
///
/// Isolation: any thread, lock-free.
package final class TenantCounts: Sendable {
    private static let width = 1024
    private let block = AtomicBlock(count: 2 * width)
    private let key: SipKey

    package convenience init() { self.init(key: .secret()) }

    init(key: SipKey) { self.key = key }

    /// Counts one more unless the caller has `limit` already.
    func tryAcquire(_ tenant: UInt64, limit: Int) -> Bool {
        let (first, second) = cells(tenant)
        let least = min(
            first.wrappingIncrementThenLoad(ordering: .relaxed),
            second.wrappingIncrementThenLoad(ordering: .relaxed)
        )
        if least <= limit { return true }
        release(tenant)
        return false
    }

    func release(_ tenant: UInt64) {
        let (first, second) = cells(tenant)
        first.wrappingDecrement(ordering: .relaxed)
        second.wrappingDecrement(ordering: .relaxed)
    }

    /// At least how many requests the caller has under way.
    package func current(_ tenant: UInt64) -> Int {
        let (first, second) = cells(tenant)
        return min(first.load(ordering: .relaxed), second.load(ordering: .relaxed))
    }

    private func cells(_ tenant: UInt64) -> (UnsafeAtomic<Int>, UnsafeAtomic<Int>) {
        var keyed = SipHash(key)
        keyed.add(tenant)
        let hash = keyed.finish()
        let first = Int(truncatingIfNeeded: hash.low & UInt64(Self.width - 1))
        let second = Self.width + Int(truncatingIfNeeded: hash.high & UInt64(Self.width - 1))
        return (block.counters[first], block.counters[second])
    }
}
