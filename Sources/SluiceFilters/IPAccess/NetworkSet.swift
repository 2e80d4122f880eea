import SluiceCore

/// Which addresses a list of networks covers: sorted ranges that neither overlap nor touch, searched by halving.
///
/// One copy serves all loops: requests read plain memory through a `View` and count no references. An IPv4 range takes
/// 8 bytes, an IPv6 one 32. What is in a network is what `CIDR.contains` says: `::/0` holds no IPv4 address.
///
/// Isolation: any thread, it never changes.
final class NetworkSet: Sendable, CustomStringConvertible {
    /// For requests; valid as long as the set.
    // SAFETY: points into memory that is written in `init` only and freed in `deinit`; who keeps a view keeps the set.
    nonisolated(unsafe) let view: View

    /// Networks that were put in, the same ones counted again.
    let networkCount: Int

    init(_ networks: [CIDR]) {
        networkCount = networks.count
        view = View(
            v4: RangeTable(networks.compactMap(\.v4Range)),
            v6: RangeTable(networks.compactMap(\.v6Range))
        )
    }

    deinit {
        view.v4.free()
        view.v6.free()
    }

    func contains(_ address: IPAddress) -> Bool { view.contains(address) }

    /// Ranges after merging.
    var rangeCount: Int { view.v4.count + view.v6.count }

    /// Short, and another for every other set: this is what tells two configurations apart.
    var description: String {
        let sum = view.v6.checksum(view.v4.checksum(0xCBF2_9CE4_8422_2325))
        return "\(networkCount) networks, checksum \(String(sum, radix: 16))"
    }

    /// Looks addresses up; a plain value.
    struct View {
        fileprivate let v4: RangeTable<UInt32>
        fileprivate let v6: RangeTable<UInt128>

        @inline(__always)
        func contains(_ address: IPAddress) -> Bool {
            address.isV4 ? v4.contains(UInt32(truncatingIfNeeded: address.low)) : v6.contains(address.bits)
        }
    }
}

/// First and last numbers of ranges in order, in memory of its own.
private struct RangeTable<Number: FixedWidthInteger> {
    private let firsts: UnsafeMutablePointer<Number>
    private let lasts: UnsafeMutablePointer<Number>
    let count: Int

    init(_ ranges: [(first: Number, last: Number)]) {
        let merged = Self.merged(ranges)
        count = merged.count
        firsts = .allocate(capacity: max(1, merged.count))
        lasts = .allocate(capacity: max(1, merged.count))
        for (i, range) in merged.enumerated() {
            (firsts + i).initialize(to: range.first)
            (lasts + i).initialize(to: range.last)
        }
    }

    func free() {
        firsts.deallocate()
        lasts.deallocate()
    }

    /// FNV-1a, a number at a time.
    func checksum(_ start: UInt64) -> UInt64 {
        var sum = start
        for i in 0..<count {
            for number in [UInt128(firsts[i]), UInt128(lasts[i])] {
                sum = (sum ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01B3
                sum = (sum ^ UInt64(truncatingIfNeeded: number >> 64)) &* 0x100_0000_01B3
            }
        }
        return (sum ^ UInt64(count)) &* 0x100_0000_01B3
    }

    /// In order, and those that overlap or follow each other directly as one.
    private static func merged(_ ranges: [(first: Number, last: Number)]) -> [(first: Number, last: Number)] {
        var result: [(first: Number, last: Number)] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let end = result.last?.last, end == .max || range.first <= end + 1 {
                result[result.count - 1].last = max(end, range.last)
            } else {
                result.append(range)
            }
        }
        return result
    }

    /// The range that holds a number, if any, is the last that begins at or before it.
    @inline(__always)
    func contains(_ number: Number) -> Bool {
        // The answer lies in `base ..< base + length`; a step without a branch to mispredict.
        var base = 0
        var length = count
        guard length > 0, firsts[0] <= number else { return false }
        while length > 1 {
            let half = length &>> 1
            base = firsts[base &+ half] <= number ? base &+ half : base
            length &-= half
        }
        return number <= lasts[base]
    }
}

extension IPAddress {
    fileprivate var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }
}

extension CIDR {
    /// First and last address of an IPv4 network.
    fileprivate var v4Range: (first: UInt32, last: UInt32)? {
        guard base.isV4, prefix >= 96 else { return nil }
        let rest: UInt32 = prefix == 96 ? .max : (1 << UInt32(128 - prefix)) - 1
        let first = UInt32(truncatingIfNeeded: base.low) & ~rest
        return (first: first, last: first | rest)
    }

    /// First and last address of an IPv6 network.
    fileprivate var v6Range: (first: UInt128, last: UInt128)? {
        guard !base.isV4 else { return nil }
        let rest: UInt128 = prefix == 0 ? .max : (1 << UInt128(128 - prefix)) - 1
        let first = base.bits & ~rest
        return (first: first, last: first | rest)
    }
}
