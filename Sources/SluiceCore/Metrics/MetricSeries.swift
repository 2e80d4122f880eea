public import Synchronization

/// The memory of one series: a block of cells that one loop writes and anybody reads.
///
/// Blocks begin on a cache line and share none with another, since those of several loops are made by one thread, one
/// after the other. The block lives as long as the shard or any handle to it.
final class MetricSeries: Sendable {
    /// The label values between the braces, escaped: `route="orders",status="2xx"`; empty without labels.
    let labels: String
    let values: [String]
    let count: Int
    // SAFETY: points to `count` atomics that are initialised before anybody sees them and freed by `deinit`.
    nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<Int>>

    init(family: MetricFamily, values: [String]) {
        self.values = values
        labels = MetricText.labels(family.labels, values)
        count = family.kind == .histogram ? Histogram.cellCount : 1
        let lines = (count * MemoryLayout<Atomic<Int>>.stride + 63) / 64
        cells = UnsafeMutableRawPointer.allocate(byteCount: lines * 64, alignment: 64)
            .bindMemory(to: Atomic<Int>.self, capacity: count)
        for i in 0..<count { (cells + i).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        UnsafeMutableRawPointer(cells).deallocate()
    }

    /// Adds what the cells hold to the same number of sums.
    func add(to sums: UnsafeMutableBufferPointer<Int>) {
        for i in 0..<min(count, sums.count) { sums[i] &+= cells[i].load(ordering: .relaxed) }
    }
}

/// A number that one loop writes and anybody reads: a counter, or this loop's part of a gauge.
///
/// The owner loads and stores without a locked instruction; readers sum over the loops. Public, like the other leaf
/// types that are used per request, because nothing else is inlined across targets.
public struct Counter: Sendable {
    // SAFETY: `series` keeps what it points to.
    @usableFromInline nonisolated(unsafe) let cell: UnsafeMutablePointer<Atomic<Int>>
    private let series: MetricSeries

    init(_ series: MetricSeries) {
        self.series = series
        cell = series.cells
    }

    /// Isolation: the owning loop. Allocates: never.
    @inlinable @inline(__always)
    public func increment(by count: Int = 1) {
        cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }

    /// This loop's part. Isolation: any thread.
    public var current: Int { cell.pointee.load(ordering: .relaxed) }
}

/// How long things took: counts in fixed buckets, and the sum. Written and read like a `Counter`.
///
/// The buckets reach from what a gateway adds (a tenth of a millisecond) to the patience of its clients (a minute).
public struct Histogram: Sendable {
    /// The upper bounds in nanoseconds; what is longer falls into one more bucket.
    package static let bounds: [Int] = [
        100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
        60_000_000_000,
    ]
    /// One cell for each bucket, one for what is longer, one for the sum in nanoseconds.
    static let cellCount = 20

    // SAFETY: `series` keeps what it points to.
    @usableFromInline nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<Int>>
    private let series: MetricSeries

    init(_ series: MetricSeries) {
        self.series = series
        cells = series.cells
    }

    /// Counts one duration. Isolation: the owning loop. Allocates: never.
    public func record(nanoseconds: Int64) {
        let duration = Int(max(0, nanoseconds))
        let bucket = cells + Self.bucket(of: duration)
        bucket.pointee.store(bucket.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        let sum = cells + (Self.cellCount - 1)
        sum.pointee.store(sum.pointee.load(ordering: .relaxed) &+ duration, ordering: .relaxed)
    }

    /// Constants in code instead of a walk over `bounds`: most requests are through after three comparisons.
    private static func bucket(of duration: Int) -> Int {
        if duration <= 1_000_000 {
            return duration <= 250_000 ? (duration <= 100_000 ? 0 : 1) : (duration <= 500_000 ? 2 : 3)
        }
        if duration <= 25_000_000 {
            return duration <= 5_000_000 ? (duration <= 2_500_000 ? 4 : 5) : (duration <= 10_000_000 ? 6 : 7)
        }
        if duration <= 500_000_000 {
            if duration <= 100_000_000 { return duration <= 50_000_000 ? 8 : 9 }
            return duration <= 250_000_000 ? 10 : 11
        }
        if duration <= 5_000_000_000 {
            return duration <= 1_000_000_000 ? 12 : (duration <= 2_500_000_000 ? 13 : 14)
        }
        return duration <= 10_000_000_000
            ? 15 : (duration <= 30_000_000_000 ? 16 : (duration <= 60_000_000_000 ? 17 : 18))
    }

    /// How many durations were counted by this loop. Isolation: any thread.
    package var count: Int { (0..<(Self.cellCount - 1)).reduce(0) { $0 &+ cells[$1].load(ordering: .relaxed) } }
}
