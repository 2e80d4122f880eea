import SluiceCore

/// What the fields of a head say about the length of the body and the life of the connection.
///
/// Filled while the lines of a head are parsed; judged once at its end. RFC 9112, sections 6 and 9.
struct FramingFields {
    var contentLength: UInt64?
    /// `Content-Length` came more than once, with the same value: one line is enough to forward.
    var lengthIsRepeated = false
    var sawTransferEncoding = false
    /// The codings seen so far are exactly one `chunked`.
    var isChunked = false
    var connectionClose = false
    var connectionKeepAlive = false
    var connectionUpgrade = false
    /// `Connection` names fields other than the three above, which must be removed before forwarding.
    var nominates = false
    var sawUpgrade = false
    var sawExpect = false
    var hostCount = 0
    var host = ByteRange.empty

    mutating func reset() { self = FramingFields() }

    /// Takes note of one field that bears on framing; others are ignored.
    mutating func note(_ name: FieldName, _ value: UnsafeRawBufferPointer, at range: ByteRange) -> GatewayError? {
        switch name {
        case .contentLength: return noteLength(value)
        case .transferEncoding: return noteCoding(value)
        case .connection: noteConnection(value)
        case .upgrade: sawUpgrade = true
        case .expect: sawExpect = true
        case .host:
            hostCount += 1
            host = range
        default: break
        }
        return nil
    }

    /// `1*DIGIT`, and the same value each time it is repeated as its own line.
    private mutating func noteLength(_ value: UnsafeRawBufferPointer) -> GatewayError? {
        guard !value.isEmpty, value.count <= 19 else { return .badContentLength }
        var number: UInt64 = 0
        for byte in value {
            guard ASCII.isDigit(byte) else { return .badContentLength }
            number = number * 10 + UInt64(byte - 0x30)  // 19 digits fit in 64 bits
        }
        if let known = contentLength {
            guard known == number else { return .conflictingContentLength }
            lengthIsRepeated = true
        }
        contentLength = number
        return nil
    }

    /// RFC 9110, section 8.6: a repeated length is refused or made a single one before the message goes on.
    static func removeRepeatedLength(from fields: inout HeaderTable) {
        guard let first = fields.firstIndex(of: .contentLength) else { return }
        while let again = fields.firstIndex(of: .contentLength, from: first + 1) { fields.removeEntry(at: again) }
    }

    /// Only one final `chunked` and nothing else: what else is legal, nobody sends, and readers disagree about it.
    ///
    /// RFC 9112, sections 6.1 and 6.3: `chunked` anywhere but once at the end is a mistake, a coding that is not known
    /// is `.unknownTransferCoding`.
    private mutating func noteCoding(_ value: UnsafeRawBufferPointer) -> GatewayError? {
        if sawTransferEncoding { return .badTransferEncoding }
        sawTransferEncoding = true
        if ASCII.equalsFolded(value, "chunked") {
            isChunked = true
            return nil
        }
        return Self.judgeCodings(value)
    }

    /// What is wrong with a list of codings that is not just `chunked`.
    private static func judgeCodings(_ value: UnsafeRawBufferPointer) -> GatewayError {
        var chunked = 0
        var endsWithChunked = false
        var isMalformed = false
        FieldList.forEach(value) { item in
            endsWithChunked = ASCII.equalsFolded(item, "chunked")
            // `chunked;a=b` and `chunkedx` are read as `chunked` by some.
            if item.count >= 7, ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: item[..<7]), "chunked") {
                chunked += 1
            }
            let isPlain = item.allSatisfy { ASCII.isToken($0) || $0 == 0x20 || $0 == 0x09 || $0 == 0x3B || $0 == 0x3D }
            guard isPlain, let first = item.first, ASCII.isToken(first) else {
                isMalformed = true
                return
            }
        }
        if isMalformed || chunked > 1 || (chunked == 1 && !endsWithChunked) { return .badTransferEncoding }
        return .unknownTransferCoding
    }

    private mutating func noteConnection(_ value: UnsafeRawBufferPointer) {
        if ASCII.equalsFolded(value, "keep-alive") {
            connectionKeepAlive = true
            return
        }
        FieldList.forEach(value) { item in
            if ASCII.equalsFolded(item, "close") {
                connectionClose = true
            } else if ASCII.equalsFolded(item, "keep-alive") {
                connectionKeepAlive = true
            } else if ASCII.equalsFolded(item, "upgrade") {
                connectionUpgrade = true
            } else if !item.isEmpty {
                nominates = true
            }
        }
    }
}

/// Comma-separated values (RFC 9110, section 5.6.1).
package enum FieldList {
    /// Calls `body` with each element, white space trimmed, empty ones included.
    @inlinable
    package static func forEach(_ value: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        for i in 0...value.count where i == value.count || value[i] == 0x2C {
            body(ASCII.trimmed(UnsafeRawBufferPointer(rebasing: value[start..<i])))
            start = i + 1
        }
    }
}
