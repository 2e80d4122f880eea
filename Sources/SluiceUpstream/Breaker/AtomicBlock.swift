internal import Atomics

/// A few process-wide counters on a cache line of their own.
///
/// The loops use them through plain pointers: a class instance that every request retained on several cores would cost
/// more than the counting. Whoever hands such a pointer out keeps the block alive.
final class AtomicBlock: Sendable {
    private typealias Storage = UnsafeAtomic<Int>.Storage

    /// Valid while the block lives.
    let counters: [UnsafeAtomic<Int>]
    // SAFETY: never read or written through; only kept to free what `counters` point into.
    nonisolated(unsafe) private let memory: UnsafeMutablePointer<Storage>

    /// Counters at 0. No two blocks share a line, nor the pair of lines that processors fetch together.
    init(count: Int) {
        let bytes = (count * MemoryLayout<Storage>.stride + 127) / 128 * 128
        memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 128)
            .bindMemory(to: Storage.self, capacity: count)
        var counters: [UnsafeAtomic<Int>] = []
        for i in 0..<count {
            (memory + i).initialize(to: Storage(0))
            counters.append(UnsafeAtomic(at: memory + i))
        }
        self.counters = counters
    }

    deinit {
        for i in 0..<counters.count { _ = (memory + i).pointee.dispose() }
        memory.deinitialize(count: counters.count)
        memory.deallocate()
    }
}
