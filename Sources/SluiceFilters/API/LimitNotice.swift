/// What a client is to be told about a limit.
///
/// Of several limits on one request the one with the least left is told, by the filter that it belongs to. A plain value
/// in the exchange, so that this costs no allocation.
package struct LimitNotice: Sendable {
    /// The slot of the filter.
    package let slot: Int
    package let remaining: UInt64
    /// Nanoseconds until all of the limit is there again.
    package let reset: UInt64

    package init(slot: Int, remaining: UInt64, reset: UInt64) {
        self.slot = slot
        self.remaining = remaining
        self.reset = reset
    }

    /// Whether it says more about how soon the client will be refused.
    package func isStricter(than other: LimitNotice) -> Bool {
        remaining != other.remaining ? remaining < other.remaining : reset > other.reset
    }
}
