import NIOCore

/// What the sockets of a loop read into: a few buffers, used again as soon as nobody holds their bytes any more.
///
/// Who is given a buffer may keep it, or slices of it; then another one is taken for the next read. Three sizes: most
/// messages fit into the first, and a socket moves up while its reads fill what it has. Isolation: the loop. Bounds: half a
/// MiB of what is kept for later.
struct ReadMemory {
    /// The largest of the levels.
    static let top: UInt8 = 2
    static func size(_ level: UInt8) -> Int { level == 0 ? 2 * 1024 : level == 1 ? 16 * 1024 : 64 * 1024 }

    private struct Ring {
        var buffers: ContiguousArray<ByteBuffer?> = []
        /// The one that was used last.
        var cursor = 0
        let limit: Int
    }

    private var small = Ring(limit: 64)
    private var middle = Ring(limit: 8)
    private var large = Ring(limit: 4)

    /// An empty buffer that nobody else holds.
    mutating func take(_ level: UInt8) -> ByteBuffer {
        let found =
            switch level {
            case 0: Self.take(&small)
            case 1: Self.take(&middle)
            default: Self.take(&large)
            }
        return found ?? ByteBufferAllocator().buffer(capacity: Self.size(level))
    }

    /// Takes back what `take` gave, whoever else holds it by now.
    mutating func giveBack(_ buffer: consuming ByteBuffer, _ level: UInt8) {
        // Whoever was lent it may have left something else in its place.
        guard buffer.capacity == Self.size(level) else { return }
        switch level {
        case 0: small.buffers[small.cursor] = buffer
        case 1: middle.buffers[middle.cursor] = buffer
        default: large.buffers[large.cursor] = buffer
        }
    }

    /// The last one, or one of those that were used longest ago; they are the likeliest to be free.
    private static func take(_ ring: inout Ring) -> ByteBuffer? {
        let count = ring.buffers.count
        for step in 0..<min(4, count) {
            let next = ring.cursor + step
            let index = next < count ? next : next - count
            guard ring.buffers[index]?.modifyIfUniquelyOwned({ $0.clear() }) != nil else { continue }
            ring.cursor = index
            return ring.buffers[index].take()
        }
        if count < ring.limit {
            ring.buffers.append(nil)
            ring.cursor = count
        } else {
            ring.cursor = ring.cursor + 1 < count ? ring.cursor + 1 : 0
            ring.buffers[ring.cursor] = nil
        }
        return nil
    }
}
