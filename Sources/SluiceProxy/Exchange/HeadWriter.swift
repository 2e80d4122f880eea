import NIOCore
import SluiceCore

/// Puts a head together in memory that was reserved for the whole of it.
///
/// A buffer checks its capacity and its uniqueness at each of the twenty small writes of a head, which together cost
/// more than parsing one. Here the room is checked by comparing two numbers; what does not fit is left out and
/// `isComplete` says so.
///
/// Isolation: one loop. Allocates: never.
struct HeadWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0
    private(set) var isComplete = true

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= memory.count - count, let target = memory.baseAddress, let source = bytes.baseAddress
        else {
            if bytes.count > 0 { isComplete = false }
            return
        }
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func write(_ byte: UInt8) {
        guard count < memory.count else {
            isComplete = false
            return
        }
        memory[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

    /// A range of a head's bytes; an impossible range writes nothing.
    @inline(__always)
    mutating func write(_ range: ByteRange, of bytes: UnsafeRawBufferPointer) {
        guard range.end <= bytes.count else {
            isComplete = false
            return
        }
        write(UnsafeRawBufferPointer(rebasing: bytes[Int(range.start)..<range.end]))
    }

    /// All live lines of a table, in runs as they came.
    @inline(__always)
    mutating func write(_ table: inout HeaderTable) {
        let rest = UnsafeMutableRawBufferPointer(rebasing: memory[count...])
        if let written = table.write(to: rest) { count += written } else { isComplete = false }
    }
}

extension ByteBuffer {
    /// Appends a head of at most `size` bytes.
    ///
    /// - Returns: whether it fitted, which it does unless `size` was computed wrongly.
    @inline(__always)
    mutating func writeHead(atMost size: Int, _ body: (inout HeadWriter) -> Void) -> Bool {
        var isComplete = false
        writeWithUnsafeMutableBytes(minimumWritableBytes: size) { memory in
            var writer = HeadWriter(memory)
            body(&writer)
            isComplete = writer.isComplete
            return writer.count
        }
        return isComplete
    }
}
