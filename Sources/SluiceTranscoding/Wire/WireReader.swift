/// How a value lies on the wire (protobuf encoding, "Message Structure").
enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case bytes = 2
    case startGroup = 3
    case endGroup = 4
    case fixed32 = 5
}

/// One field as it lies on the wire.
struct WireField {
    let number: UInt32
    let type: WireType
    /// Offset of the tag.
    let start: Int
    /// The value of a varint or of a fixed number.
    var value: UInt64 = 0
    /// Where the content of a length-delimited field or of a group lies; its end group tag is not part of it.
    var content: Range<Int> = 0..<0
}

/// Reads the fields of one message, in the order of the wire; never beyond its bytes, never deeper than a limit.
///
/// Allocates: for groups only. Whatever is malformed is an error with the offset from the start of the bytes.
struct WireReader {
    /// Groups inside each other that are read; the limit of messages is the caller's.
    static let groupDepth = 100

    let bytes: UnsafeRawBufferPointer
    private(set) var at = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The bytes of a field's content.
    func content(_ field: WireField) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[field.content])
    }

    /// The next field, or nil at the end.
    mutating func next() throws(TranscodingError) -> WireField? {
        guard at < bytes.count else { return nil }
        var field = try tag()
        try read(&field)
        return field
    }

    private mutating func read(_ field: inout WireField) throws(TranscodingError) {
        switch field.type {
        case .varint: field.value = try varint()
        case .fixed64: field.value = try fixed64()
        case .fixed32: field.value = UInt64(try fixed32())
        case .bytes:
            let count = try varint()
            guard count <= UInt64(bytes.count - at) else { throw error("a length is beyond the end of its message") }
            field.content = at..<(at + Int(count))
            at = field.content.upperBound
        case .startGroup: field.content = try group(field.number)
        case .endGroup: throw error("a group ends that did not begin")
        }
    }

    private mutating func tag() throws(TranscodingError) -> WireField {
        let start = at
        let tag = try varint()
        guard tag <= UInt64(UInt32.max), tag >= 8, let type = WireType(rawValue: UInt8(tag & 7)) else {
            throw error("a field's tag is malformed", start)
        }
        return WireField(number: UInt32(tag >> 3), type: type, start: start)
    }

    /// Steps over the content of a group whose start was read. Groups inside of it are counted, not recursed into.
    private mutating func group(_ number: UInt32) throws(TranscodingError) -> Range<Int> {
        let start = at
        // The numbers of the groups under way; nearly always one.
        var open = [number]
        while at < bytes.count {
            var field = try tag()
            switch field.type {
            case .startGroup:
                guard open.count < Self.groupDepth else {
                    throw TranscodingError(.tooDeep, "groups are nested too deeply", at: field.start)
                }
                open.append(field.number)
            case .endGroup:
                guard open.popLast() == field.number else {
                    throw error("a group ends that did not begin", field.start)
                }
                if open.isEmpty { return start..<field.start }
            default: try read(&field)
            }
        }
        throw error("a group does not end")
    }

    /// Base-128 number, at most ten bytes; bits beyond the 64th are dropped, as all parsers do.
    @inline(__always)
    mutating func varint() throws(TranscodingError) -> UInt64 {
        if at < bytes.count {
            let byte = bytes[at]
            if byte < 0x80 {
                at &+= 1
                return UInt64(byte)
            }
        }
        return try longVarint()
    }

    private mutating func longVarint() throws(TranscodingError) -> UInt64 {
        let start = at
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard at < bytes.count else { throw error("a number is cut short", start) }
            let byte = bytes[at]
            at += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw error("a number has more than ten bytes", start)
    }

    mutating func fixed32() throws(TranscodingError) -> UInt32 {
        guard bytes.count - at >= 4 else { throw error("a number is cut short") }
        defer { at += 4 }
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    mutating func fixed64() throws(TranscodingError) -> UInt64 {
        guard bytes.count - at >= 8 else { throw error("a number is cut short") }
        defer { at += 8 }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    private func error(_ reason: String, _ offset: Int? = nil) -> TranscodingError {
        TranscodingError(.wire, reason, at: offset ?? at)
    }
}
