/// Writing the protobuf wire format, and bytes in general, to the end of an array that keeps its room.
extension [UInt8] {
    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) { append(contentsOf: bytes) }

    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Base-128 number, as short as it gets.
    @inline(__always)
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func appendFixed32(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func appendFixed64(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// A tag by number and type.
    @inline(__always)
    mutating func appendTag(_ number: UInt32, _ type: WireType) {
        appendVarint(UInt64(number) << 3 | UInt64(type.rawValue))
    }

    /// A whole length-delimited field.
    mutating func appendField(_ number: UInt32, _ content: UnsafeRawBufferPointer) {
        appendTag(number, .bytes)
        appendVarint(UInt64(content.count))
        append(content)
    }
}

/// Arithmetic of the wire format.
enum Wire {
    /// Bytes that a number takes as a varint.
    @inline(__always)
    static func size(ofVarint value: UInt64) -> Int {
        // Seven bits per byte: ceil(bits / 7), with one bit at least.
        (70 &- (value | 1).leadingZeroBitCount) / 7
    }

    @inline(__always)
    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

    @inline(__always)
    static func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
}

extension [UInt8] {
    /// `withUnsafeBytes` with a typed error, which the standard library's closure forgets.
    @inline(__always)
    func withRawBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try withUnsafeBufferPointer { (elements) throws(Failure) in try body(UnsafeRawBufferPointer(elements)) }
    }
}
