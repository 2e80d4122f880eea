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
        value.withUnsafeBytes { append(stem, $0) }
    }

    /// Adds a field whose value is a number in decimal digits. Allocates: only while the table grows.
    package mutating func append(_ stem: FieldStem, number: UInt64) {
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
            append(stem, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[at...]))
        }
    }

    private mutating func append(_ stem: FieldStem, _ value: UnsafeRawBufferPointer) {
        let before = stem.bytes.count
        let start = stem.bytes.withUnsafeBytes { name in
            appendBytes(before + value.count + 2) { target in
                if let first = name.baseAddress { target.copyMemory(from: first, byteCount: before) }
                if let first = value.baseAddress { (target + before).copyMemory(from: first, byteCount: value.count) }
                target.storeBytes(of: UInt16(0x0D0A).bigEndian, toByteOffset: before + value.count, as: UInt16.self)
            }
        }
        appendReceived(
            name: stem.name,
            nameRange: ByteRange(start: start, count: before - 2),
            valueRange: ByteRange(start: start + before, count: value.count)
        )
    }
}
