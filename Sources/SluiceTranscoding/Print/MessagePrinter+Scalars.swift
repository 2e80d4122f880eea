import SluiceCore

extension MessagePrinter {
    /// A value that is no message. The content of a string lies in `bytes`.
    mutating func scalar(
        _ field: FieldEntry,
        _ value: WireField,
        _ bytes: UnsafeRawBufferPointer
    ) throws(TranscodingError) {
        switch field.kind {
        case .string, .bytes:
            let content = UnsafeRawBufferPointer(rebasing: bytes[value.content])
            if field.kind == .string { try appendText(content) } else { appendBase64(content) }
        case .bool: out.append(value.value != 0 ? "true" : "false")
        case .int32: JSONText.append(Int64(Int32(truncatingIfNeeded: value.value)), to: &out)
        case .uint32, .fixed32: JSONText.append(UInt64(UInt32(truncatingIfNeeded: value.value)), to: &out)
        case .sint32:
            JSONText.append(Wire.unzigzag(UInt64(UInt32(truncatingIfNeeded: value.value))), to: &out)
        case .sfixed32: JSONText.append(Int64(Int32(truncatingIfNeeded: value.value)), to: &out)
        case .int64, .sfixed64: appendQuoted(Int64(bitPattern: value.value))
        case .sint64: appendQuoted(Wire.unzigzag(value.value))
        case .uint64, .fixed64:
            out.append(UInt8(ascii: "\""))
            JSONText.append(value.value, to: &out)
            out.append(UInt8(ascii: "\""))
        case .double: JSONText.append(Double(bitPattern: value.value), to: &out)
        case .float: JSONText.append(Float(bitPattern: UInt32(truncatingIfNeeded: value.value)), to: &out)
        case .enumeration: appendEnum(Int(field.type), Int32(truncatingIfNeeded: value.value))
        case .message, .group: throw TranscodingError(.wire, "a message is where a scalar should be")
        }
    }

    /// Numbers of 64 bits are strings, since JSON parsers make them floating point.
    private mutating func appendQuoted(_ value: Int64) {
        out.append(UInt8(ascii: "\""))
        JSONText.append(value, to: &out)
        out.append(UInt8(ascii: "\""))
    }

    mutating func appendText(_ text: UnsafeRawBufferPointer) throws(TranscodingError) {
        guard UTF8Check.isValid(text) else { throw TranscodingError(.wire, "a string is not UTF-8") }
        JSONText.appendQuoted(text, to: &out)
    }

    mutating func appendBase64(_ content: UnsafeRawBufferPointer) {
        out.append(UInt8(ascii: "\""))
        Base64.encode(content, into: &out)
        out.append(UInt8(ascii: "\""))
    }

    /// The name, or the number where there is none or names are not wanted.
    private mutating func appendEnum(_ type: Int, _ number: Int32) {
        if number == 0, pool.enums[type].isNull { return out.append("null") }
        guard !options.alwaysPrintEnumsAsInts, let value = pool.value(number: number, of: type) else {
            return JSONText.append(Int64(number), to: &out)
        }
        let range = value.quoted
        pool.names.withUnsafeBytes { out.append(UnsafeRawBufferPointer(rebasing: $0[Int(range.start)..<range.end])) }
    }

    /// What an unset field is.
    mutating func appendDefault(_ field: FieldEntry) {
        switch field.shape {
        case .list, .packed: return out.append("[]")
        case .map: return out.append("{}")
        case .singular: break
        }
        switch field.kind {
        case .string, .bytes: out.append("\"\"")
        case .bool: out.append("false")
        case .int64, .uint64, .fixed64, .sfixed64, .sint64: out.append("\"0\"")
        case .enumeration: appendEnum(Int(field.type), pool.enums[Int(field.type)].defaultNumber)
        case .message, .group: out.append(pool.messages[Int(field.type)].wellKnown.isBehindValueInAny ? "null" : "{}")
        default: out.append("0")
        }
    }
}
