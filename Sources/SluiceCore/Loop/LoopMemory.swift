import CPlatform
import Glibc
package import NIOCore

/// Memory that what runs on one loop uses again and again: buffers to build bytes in, blocks for libraries.
///
/// The general allocator keeps a handful of freed blocks of each size close at hand. A loop that serves some hundred
/// streams in one turn has more than that of each, and most of its allocations took the long way.
///
/// Isolation: one loop. Bounds: `mostBuffers` of at most `largestSmall` bytes, one of `largestBuffer`, `mostBlockBytes` in
/// blocks; all of it stays with the loop.
package final class LoopMemory {
    /// As many as the streams that a turn may have at work.
    private static let mostBuffers = 127
    private static let largestSmall = 2048
    private static let largestBuffer = 64 * 1024
    private static let mostBlockBytes = 256 * 1024
    /// Larger ones are none of ours.
    private static let largestBlock = 1024
    /// Sizes of blocks differ by this.
    private static let grain = 16

    // Most work needs one at a time, so that lists are only for what is beyond that.
    private var large: ByteBuffer?
    private var small: ByteBuffer?
    private var others: ContiguousArray<ByteBuffer> = []
    /// Free blocks by size: the first of each list; each begins with the address of the next one.
    private let lists: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private var blockBytes = 0

    package init() {
        lists = .allocate(capacity: Self.largestBlock / Self.grain + 1)
        lists.initialize(repeating: nil, count: Self.largestBlock / Self.grain + 1)
    }

    deinit {
        for list in 0...(Self.largestBlock / Self.grain) {
            while let block = lists[list] {
                lists[list] = block.load(as: UnsafeMutableRawPointer?.self)
                free(block)
            }
        }
        lists.deallocate()
    }

    // MARK: - Buffers

    /// An empty buffer to put something together in, large if there is a large one.
    ///
    /// Give it back when it is written: its memory is used again only if nobody else holds it by then, so handing the
    /// bytes to a socket that could not send them yet is safe and costs one allocation later.
    @inline(never)  // Inlined, it would count a reference to its object.
    package func takeBuffer() -> ByteBuffer {
        guard var buffer = large.take() else { return takePiece() }
        buffer.clear()
        return buffer
    }

    /// An empty buffer for something small that may have to wait: it never lies in a large one.
    @inline(never)  // As above.
    package func takePiece() -> ByteBuffer {
        guard var buffer = small.take() ?? others.popLast() else { return ByteBuffer() }
        buffer.clear()
        return buffer
    }

    @inline(never)  // As above.
    package func giveBack(_ buffer: consuming ByteBuffer) {
        let capacity = buffer.storageCapacity
        if capacity > Self.largestSmall {
            // One large head must not pin its memory for ever.
            if capacity <= Self.largestBuffer { large = buffer }
        } else if capacity > 0 {
            if small == nil { small = buffer } else if others.count < Self.mostBuffers { others.append(buffer) }
        }
    }

    // MARK: - Blocks

    /// A block of at least `size` bytes, of the general allocator; nil when memory runs out.
    package func takeBlock(_ size: Int) -> UnsafeMutableRawPointer? {
        // What the allocator needs for itself makes its blocks 8 bytes less than a multiple of 16.
        let list = (max(size, Self.grain) &+ 8 &+ Self.grain &- 1) / Self.grain
        guard list <= Self.largestBlock / Self.grain, let block = lists[list] else { return malloc(size) }
        lists[list] = block.load(as: UnsafeMutableRawPointer?.self)
        blockBytes &-= list &* Self.grain
        return block
    }

    /// Takes any block of the general allocator.
    package func giveBack(block: UnsafeMutableRawPointer) {
        let list = (sluice_block_size(block) &+ 8) / Self.grain
        // No list below the second is ever asked, and what is too small could not hold an address.
        guard list >= 2, list <= Self.largestBlock / Self.grain, blockBytes < Self.mostBlockBytes else {
            return free(block)
        }
        block.storeBytes(of: lists[list], as: UnsafeMutableRawPointer?.self)
        lists[list] = block
        blockBytes &+= list &* Self.grain
    }
}
