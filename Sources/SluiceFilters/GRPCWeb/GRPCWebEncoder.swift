import NIOCore
import SluiceHTTP

/// Writes the base64 of gRPC-Web's text mode: a unit with padding of its own for each frame, so that a frame can be read
/// when it is whole, and nothing in front of that needs padding in the middle.
///
/// Keeps two bytes at most.
struct GRPCWebEncoder {
    private var scanner = GRPCFrameScanner()
    private var bits: UInt32 = 0
    private var count = 0

    /// Appends bytes of the stream as text.
    mutating func encode(_ bytes: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        var rest = bytes
        while !rest.isEmpty {
            let (count, ends) = scanner.next(rest)
            write(UnsafeRawBufferPointer(rebasing: rest[..<count]), ends: ends, into: &out)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Ends the unit at hand where the stream ends in the middle of a frame.
    mutating func finish(into out: inout ByteBuffer) {
        write(UnsafeRawBufferPointer(start: nil, count: 0), ends: true, into: &out)
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer, ends: Bool, into out: inout ByteBuffer) {
        let letters: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let table = letters.utf8Start
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: (bytes.count + count) / 3 * 4 + 4) { memory in
            var written = 0
            func write(_ bits: UInt32, _ count: Int) {
                guard written + 4 <= memory.count else { return }
                memory[written] = table[Int(bits >> 18 & 63)]
                memory[written + 1] = table[Int(bits >> 12 & 63)]
                memory[written + 2] = count > 1 ? table[Int(bits >> 6 & 63)] : UInt8(ascii: "=")
                memory[written + 3] = count > 2 ? table[Int(bits & 63)] : UInt8(ascii: "=")
                written += 4
            }
            for byte in bytes {
                bits = bits << 8 | UInt32(byte)
                count += 1
                guard count == 3 else { continue }
                write(bits, 3)
                bits = 0
                count = 0
            }
            guard ends, count > 0 else { return written }
            write(bits << UInt32(8 * (3 - count)), count)
            bits = 0
            count = 0
            return written
        }
    }
}
