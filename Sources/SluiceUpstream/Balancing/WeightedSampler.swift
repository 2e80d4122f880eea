internal import SluiceCore

/// Draws from a fixed set in proportion to weights, in constant time (the alias method, Vose 1991).
///
/// Every slot is as likely as any other and holds one or two members: its own below `cut`, the other above. Computed
/// in integers, so a share is exact to 2^-32.
struct WeightedSampler: Sendable {
    private struct Slot {
        var own: UInt32
        var other: UInt32
        /// Of 2^32.
        var cut: UInt32
    }

    private var slots: [Slot] = []

    init() {}

    /// `sample` returns one of `members`; each of their weights must be above 0.
    init(_ members: [Int], weight: (Int) -> UInt32) {
        let count = UInt64(members.count)
        let total = members.reduce(UInt64(0)) { $0 + UInt64(weight($1)) }
        // A weight times `count`, so that the mean is `total`: below it a slot has room, above it there is too much.
        var scaled = members.map { UInt64(weight($0)) * count }
        slots = members.map { Slot(own: UInt32($0), other: UInt32($0), cut: .max) }
        var poor: [Int] = []
        var rich: [Int] = []
        for i in members.indices {
            if scaled[i] < total { poor.append(i) } else { rich.append(i) }
        }
        while let low = poor.popLast(), let high = rich.last {
            slots[low].cut = UInt32(total.dividingFullWidth((scaled[low] >> 32, scaled[low] << 32)).quotient)
            slots[low].other = slots[high].own
            scaled[high] -= total - scaled[low]
            if scaled[high] < total {
                rich.removeLast()
                poor.append(high)
            }
        }
    }

    /// One member; nil when there are none. Allocates: never.
    func sample(_ random: inout RandomSource) -> Int? {
        guard !slots.isEmpty else { return nil }
        let bits = random.next()
        let slot = slots[Int(((bits >> 32) &* UInt64(slots.count)) >> 32)]
        return Int(UInt32(truncatingIfNeeded: bits) < slot.cut ? slot.own : slot.other)
    }
}
