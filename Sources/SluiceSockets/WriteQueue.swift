import CPlatform
import NIOCore

/// What a socket could not send yet, in order. Isolation: the socket's loop. Bounds: those of whoever writes, which should
/// look at `isWritable`.
struct WriteQueue {
    /// Above it one should stop writing, and below it go on.
    private static let highMark = 64 * 1024
    private static let lowMark = 32 * 1024
    private static let mostPieces = 64

    /// nil: sent.
    private var buffers = ContiguousArray<ByteBuffer?>()
    private var head = 0
    private var bytes = 0
    /// What it has seen the end of.
    private(set) var written: UInt64 = 0
    /// Became full, and that it is no longer has not been told.
    var isAboveMark = false

    @inline(__always)
    var isEmpty: Bool { bytes == 0 }
    /// What will have been written when everything now in it has been.
    var total: UInt64 { written &+ UInt64(truncatingIfNeeded: bytes) }
    var isFull: Bool { isAboveMark && bytes >= Self.lowMark }
    /// Whether it is time to say that there is room again.
    var isBelowMark: Bool { isAboveMark && bytes < Self.lowMark }

    mutating func append(_ buffer: ByteBuffer) {
        buffers.append(buffer)
        bytes += buffer.readableBytes
        if bytes > Self.highMark { isAboveMark = true }
    }

    /// Calls `body` with the first pieces, in the form that system calls take.
    func withPieces(_ body: (UnsafePointer<sluice_piece>, Int) -> Int) -> Int {
        withUnsafeTemporaryAllocation(of: sluice_piece.self, capacity: Self.mostPieces) { pieces in
            var count = 0
            for case let buffer? in buffers[head...].prefix(Self.mostPieces) {
                // The bytes lie in memory of their own, which `buffers` keeps for as long as this takes.
                let bytes = buffer.withUnsafeReadableBytes { $0 }
                pieces[count] = sluice_piece(start: bytes.baseAddress, count: bytes.count)
                count += 1
            }
            guard let first = UnsafePointer(pieces.baseAddress) else { return 0 }
            return body(first, count)
        }
    }

    /// So many bytes have been sent.
    mutating func drop(_ sent: Int) {
        var left = sent
        bytes -= sent
        written &+= UInt64(truncatingIfNeeded: sent)
        while left > 0, head < buffers.count {
            let count = buffers[head]?.readableBytes ?? 0
            if left < count {
                buffers[head]?.moveReaderIndex(forwardBy: left)
                break
            }
            left -= count
            buffers[head] = nil
            head += 1
        }
        if bytes == 0 {
            buffers.removeAll(keepingCapacity: true)
            head = 0
        } else if head * 2 > buffers.count {
            buffers.removeFirst(head)
            head = 0
        }
    }

    // MARK: - Memory

    /// Before the first append: takes over memory that is there already.
    mutating func takeMemory(_ spare: inout ContiguousArray<ByteBuffer?>) {
        if buffers.capacity == 0 { swap(&buffers, &spare) }
    }

    /// When it is empty: sockets without anything to send hold nothing.
    mutating func giveMemory(_ spare: inout ContiguousArray<ByteBuffer?>) {
        if spare.capacity == 0, buffers.capacity <= 64 { swap(&buffers, &spare) } else { buffers = [] }
    }
}
