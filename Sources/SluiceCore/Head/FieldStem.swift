internal import NIOCore

/// A field whose value is known only with the request: its name and colon ready to be copied.
package struct FieldStem: Sendable {
    /// `Name: `
    fileprivate let bytes: [UInt8]
    fileprivate let name: FieldName

    /// The caller answers for a valid name.
    package init(_ name: some Collection<UInt8>) {
        bytes = Array(name) + [0x3A, 0x20]
        self.name = FieldKey(name).name
    }

    package init(_ name: String) { self.init(name.utf8) }
}

extension HeaderTable {
    /// Adds a field behind the others. The caller answers for a valid value. Allocates: only while the table grows.
    package mutating func append(_ stem: FieldStem, value: [UInt8]) {
        append(stem) { $0.writeBytes(value) }
    }

    /// Adds a field whose value is a number in decimal digits. Allocates: only while the table grows.
    package mutating func append(_ stem: FieldStem, number: UInt64) {
        append(stem) { buffer in
            // 2^64 has 20 digits.
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
                var at = 20
                var rest = number
                repeat {
                    at &-= 1
                    let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                    digits[at] = 0x30 &+ UInt8(truncatingIfNeeded: digit)
                    rest = quotient
                } while rest > 0
                return buffer.writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[at...]))
            }
        }
    }

    @inline(__always)
    private mutating func append(_ stem: FieldStem, _ write: (inout ByteBuffer) -> Int) {
        let start = bytes.writerIndex
        bytes.writeBytes(stem.bytes)
        let count = write(&bytes)
        bytes.writeInteger(UInt16(0x0D0A))
        appendReceived(
            name: stem.name,
            nameRange: ByteRange(start: start, count: stem.bytes.count - 2),
            valueRange: ByteRange(start: start + stem.bytes.count, count: count)
        )
    }
}
