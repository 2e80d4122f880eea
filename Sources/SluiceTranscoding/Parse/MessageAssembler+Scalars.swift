import SluiceCore

/// Where a scalar stands, which decides about its tag and whether a default is written.
enum ScalarPosition {
    /// A singular field.
    case field
    /// An element with a tag of its own.
    case element
    /// An element of a packed run.
    case packedElement
    /// The value of a map entry, written even when it is the default.
    case mapValue
    case mapKey
    /// The one field of a wrapper.
    case wrapped
    /// A field set by the URL, written even when it is the default.
    case bound

    func writesDefault(of field: FieldEntry) -> Bool {
        switch self {
        case .field: field.hasPresence
        case .wrapped: false
        default: true
        }
    }
}

extension MessageAssembler {
    /// A value that is no message.
    mutating func scalar(
        _ field: FieldEntry,
        _ token: JSONToken,
        _ position: ScalarPosition,
        _ offset: Int
    ) throws(TranscodingError) -> ValueOutcome {
        switch field.kind {
        case .string, .bytes: try text(field, token, position, offset)
        case .bool:
            guard let flag = flag(token) else { throw wrongType(token, "a bool", offset) }
            varint(field, flag ? 1 : 0, position)
        case .int32: varint(field, UInt64(bitPattern: Int64(try integer(token, Int32.self, offset))), position)
        case .int64: varint(field, UInt64(bitPattern: try integer(token, Int64.self, offset)), position)
        case .uint32: varint(field, UInt64(try integer(token, UInt32.self, offset)), position)
        case .uint64: varint(field, try integer(token, UInt64.self, offset), position)
        case .sint32: varint(field, Wire.zigzag(Int64(try integer(token, Int32.self, offset))), position)
        case .sint64: varint(field, Wire.zigzag(try integer(token, Int64.self, offset)), position)
        case .fixed32: fixed32(field, try integer(token, UInt32.self, offset), position)
        case .sfixed32: fixed32(field, UInt32(bitPattern: try integer(token, Int32.self, offset)), position)
        case .fixed64: fixed64(field, try integer(token, UInt64.self, offset), position)
        case .sfixed64: fixed64(field, UInt64(bitPattern: try integer(token, Int64.self, offset)), position)
        case .double: fixed64(field, try double(token, offset).bitPattern, position)
        case .float: fixed32(field, try float(token, offset).bitPattern, position)
        case .enumeration:
            guard let number = try enumNumber(Int(field.type), token, offset) else { return .dropped }
            varint(field, UInt64(bitPattern: Int64(number)), position)
        case .message, .group: return .dropped
        }
        return .done
    }

    // MARK: - Writing

    @inline(__always)
    private mutating func tag(_ field: FieldEntry, _ position: ScalarPosition) {
        if position == .packedElement { return }
        buffer.bytes.appendTag(field.number, field.kind.wireType)
    }

    @inline(__always)
    private mutating func varint(_ field: FieldEntry, _ value: UInt64, _ position: ScalarPosition) {
        if value == 0, !position.writesDefault(of: field) { return }
        tag(field, position)
        buffer.bytes.appendVarint(value)
    }

    private mutating func fixed32(_ field: FieldEntry, _ value: UInt32, _ position: ScalarPosition) {
        if value == 0, !position.writesDefault(of: field) { return }
        tag(field, position)
        buffer.bytes.appendFixed32(value)
    }

    private mutating func fixed64(_ field: FieldEntry, _ value: UInt64, _ position: ScalarPosition) {
        if value == 0, !position.writesDefault(of: field) { return }
        tag(field, position)
        buffer.bytes.appendFixed64(value)
    }

    private mutating func text(
        _ field: FieldEntry,
        _ token: JSONToken,
        _ position: ScalarPosition,
        _ offset: Int
    ) throws(TranscodingError) {
        let text: UnsafeRawBufferPointer
        switch token {
        case .string(let string): text = string
        case .urlText(let string):
            guard field.kind == .bytes || UTF8Check.isValid(string) else {
                throw error(.value, "the text is not UTF-8", offset)
            }
            text = string
        default:
            throw wrongType(token, field.kind == .string ? "a string" : "bytes, which are base64 in a string", offset)
        }
        if text.isEmpty, !position.writesDefault(of: field) { return }
        tag(field, position)
        if field.kind == .string {
            buffer.bytes.appendVarint(UInt64(text.count))
            return buffer.bytes.append(text)
        }
        buffer.openLength()
        guard Base64.decode(text, as: .lenient, into: &buffer.bytes) else { throw wrongType(token, "base64", offset) }
        buffer.closeLength()
    }

    // MARK: - Reading

    private func flag(_ token: JSONToken) -> Bool? {
        switch token {
        case .bool(let flag): flag
        case .urlText(let text): text.elementsEqual("true".utf8) ? true : text.elementsEqual("false".utf8) ? false : nil
        default: nil
        }
    }

    /// A number, or one in quotes.
    private func decimal(_ token: JSONToken) -> DecimalNumber? {
        switch token {
        case .number(let text), .string(let text), .urlText(let text): DecimalNumber(text)
        default: nil
        }
    }

    @inline(__always)
    private func integer<Number: FixedWidthInteger>(
        _ token: JSONToken,
        _ type: Number.Type,
        _ offset: Int
    ) throws(TranscodingError) -> Number {
        guard let number = decimal(token)?.integer(type) else {
            throw wrongType(token, "a whole number from \(Number.min) to \(Number.max)", offset)
        }
        return number
    }

    /// What JSON has no number for.
    private func special(_ token: JSONToken) -> Double? {
        switch token {
        case .string(let text), .urlText(let text):
            if text.elementsEqual("NaN".utf8) { return .nan }
            if text.elementsEqual("Infinity".utf8) { return .infinity }
            if text.elementsEqual("-Infinity".utf8) { return -.infinity }
            return nil
        default: return nil
        }
    }

    private func double(_ token: JSONToken, _ offset: Int) throws(TranscodingError) -> Double {
        if let value = special(token) ?? decimal(token)?.double { return value }
        throw wrongType(token, "a double", offset)
    }

    private func float(_ token: JSONToken, _ offset: Int) throws(TranscodingError) -> Float {
        if let value = special(token).map({ Float($0) }) ?? decimal(token)?.float { return value }
        throw wrongType(token, "a float", offset)
    }

    /// The number of an enum value given by name or number; nil when an unknown name is to be ignored.
    private func enumNumber(_ type: Int, _ token: JSONToken, _ offset: Int) throws(TranscodingError) -> Int32? {
        switch token {
        case .null where pool.enums[type].isNull: return 0
        case .string(let text), .urlText(let text):
            if let number = pool.number(ofValue: text, in: type, folded: options.caseInsensitiveEnums) { return number }
        default: break
        }
        if let number = decimal(token)?.integer(Int32.self) {
            if !pool.enums[type].isClosed || pool.value(number: number, of: type) != nil { return number }
        } else if case .string = token, options.unknownFields == .ignore {
            return nil
        }
        throw wrongType(token, "a value of \(pool.text(pool.enums[type].name))", offset)
    }

    // MARK: - Errors

    /// `1e400 is not a double`.
    func wrongType(_ token: JSONToken, _ wanted: String, _ offset: Int) -> TranscodingError {
        let shown =
            switch token {
            case .objectStart: "an object"
            case .arrayStart: "a list"
            case .null: "null"
            case .bool(let flag): flag ? "true" : "false"
            case .number(let text): TranscodingError.excerpt(text)
            case .string(let text): "\"\(TranscodingError.excerpt(text))\""
            case .urlText(let text): "'\(TranscodingError.excerpt(text))'"
            }
        if case .number(let text) = token, DecimalNumber(text) == nil {
            return error(.syntax, "\(shown) is not a number", offset)
        }
        return error(.value, "\(shown) is not \(wanted)", offset)
    }
}
