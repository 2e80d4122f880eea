import NIOCore

/// Fields of protobuf messages (protobuf.dev, "Encoding"), as far as spans need them.
struct ProtobufWriter {
    var bytes = ByteBuffer()

    /// A varint field; 0 is left out, as it is the default.
    mutating func write(_ field: UInt32, varint value: UInt64) {
        guard value != 0 else { return }
        writeTag(field, wireType: 0)
        writeVarint(value)
    }

    /// A fixed64 field. The wire has the lowest byte first.
    mutating func write(_ field: UInt32, fixed64 value: UInt64) {
        writeTag(field, wireType: 1)
        bytes.writeInteger(value, endianness: .little)
    }

    /// A fixed32 field.
    mutating func write(_ field: UInt32, fixed32 value: UInt32) {
        writeTag(field, wireType: 5)
        bytes.writeInteger(value, endianness: .little)
    }

    /// A field of bytes, or of a text that is known to be UTF-8.
    mutating func write(_ field: UInt32, _ value: some Collection<UInt8>) {
        writeTag(field, wireType: 2)
        writeVarint(UInt64(value.count))
        bytes.writeBytes(value)
    }

    /// A message that was written before, in a buffer of its own.
    mutating func write(_ field: UInt32, message: ByteBuffer) {
        writeTag(field, wireType: 2)
        writeVarint(UInt64(message.readableBytes))
        bytes.writeImmutableBuffer(message)
    }

    mutating func writeTag(_ field: UInt32, wireType: UInt32) { writeVarint(UInt64(field << 3 | wireType)) }

    mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.writeInteger(UInt8(truncatingIfNeeded: rest))
    }

    /// How many bytes a varint has.
    static func size(_ value: UInt64) -> Int { max(1, (64 - value.leadingZeroBitCount + 6) / 7) }
}
