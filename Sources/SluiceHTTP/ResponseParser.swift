package import NIOCore
package import SluiceCore

/// Reads response heads (RFC 9112, sections 4 to 6) with the same strictness as request heads.
///
/// What would be a 400 from a client is `.upstreamProtocolError` here. Isolation: one loop.
package struct ResponseParser: Sendable {
    private var inFields = false
    private var lineStart = 0
    private var progress = LineProgress()
    private var framing = FramingFields()

    package init() {}

    package mutating func reset() {
        inFields = false
        lineStart = 0
        progress = LineProgress()
        framing.reset()
    }

    /// Parses as much as is there; see `RequestParser.parse`.
    ///
    /// `requestMethod` says what this answers, since HEAD and CONNECT change what the framing fields mean.
    package mutating func parse(
        _ input: ByteBuffer,
        into head: inout ResponseHead,
        requestMethod: Method,
        maximumHead: Int,
        maximumFields: Int
    ) -> ParseResult {
        input.withUnsafeReadableBytes {
            parse(
                $0,
                into: &head,
                requestMethod: requestMethod,
                maximumHead: maximumHead,
                maximumFields: maximumFields
            )
        }
    }

    /// The same for bytes that are in no buffer.
    package mutating func parse(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout ResponseHead,
        requestMethod: Method,
        maximumHead: Int,
        maximumFields: Int
    ) -> ParseResult {
        if !inFields {
            head.reset()
            switch statusLine(bytes, into: &head) {
            case .complete(let next):
                lineStart = next
                inFields = true
            case .incomplete: return unfinished(bytes, maximumHead)
            case .invalid: return .invalid(.upstreamProtocolError)
            }
        } else if progress.onlyGrew(bytes) {
            return unfinished(bytes, maximumHead)
        }
        return fieldLines(bytes, &head, requestMethod, maximumHead, maximumFields)
    }

    private mutating func fieldLines(
        _ bytes: UnsafeRawBufferPointer,
        _ head: inout ResponseHead,
        _ method: Method,
        _ maximumHead: Int,
        _ maximumFields: Int
    ) -> ParseResult {
        while true {
            switch FieldParser.line(bytes, from: lineStart) {
            case .field(let name, let value, let next):
                if next > maximumHead || name.count > 0xFFFF || head.fields.entries.count >= maximumFields {
                    return .invalid(.upstreamHeadTooLarge)
                }
                let id = FieldName.intern(UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end]))
                let text = UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end])
                if id != .other, framing.note(id, text, at: value) != nil { return .invalid(.upstreamProtocolError) }
                head.fields.appendReceived(name: id, nameRange: name, valueRange: value)
                lineStart = next
            case .end(let next):
                if next > maximumHead { return .invalid(.upstreamHeadTooLarge) }
                head.fields.bytes.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<next]))
                return finish(&head, method) ? .complete(consumed: next) : .invalid(.upstreamProtocolError)
            case .incomplete:
                progress.note(bytes, from: lineStart)
                return unfinished(bytes, maximumHead)
            case .invalid:
                return .invalid(.upstreamProtocolError)
            }
        }
    }

    private func unfinished(_ bytes: UnsafeRawBufferPointer, _ maximumHead: Int) -> ParseResult {
        bytes.count > maximumHead ? .invalid(.upstreamHeadTooLarge) : .incomplete
    }

    /// `HTTP/1.x SP 3DIGIT SP [reason] CRLF`; the second SP may be missing where the reason is.
    private func statusLine(_ bytes: UnsafeRawBufferPointer, into head: inout ResponseHead) -> ParseResult {
        let expected: StaticString = "HTTP/1."
        for k in 0..<7 {
            guard k < bytes.count else { return .incomplete }
            guard bytes[k] == expected.utf8Start[k] else { return .invalid(.upstreamProtocolError) }
        }
        guard bytes.count >= 14 else { return .incomplete }
        let minor = bytes[7]
        guard minor == UInt8(ascii: "0") || minor == UInt8(ascii: "1"), bytes[8] == 0x20 else {
            return .invalid(.upstreamProtocolError)
        }
        var status: UInt16 = 0
        for k in 9..<12 {
            guard ASCII.isDigit(bytes[k]) else { return .invalid(.upstreamProtocolError) }
            status = status * 10 + UInt16(bytes[k] - 0x30)
        }
        guard (100...599).contains(status) else { return .invalid(.upstreamProtocolError) }
        let reasonStart = bytes[12] == 0x20 ? 13 : 12
        let end = FieldParser.endOfValue(bytes, from: reasonStart)
        guard bytes[12] == 0x20 || end == 12 else { return .invalid(.upstreamProtocolError) }
        guard end < bytes.count else { return .incomplete }
        guard bytes[end] == 0x0D else { return .invalid(.upstreamProtocolError) }
        guard end + 1 < bytes.count else { return .incomplete }
        guard bytes[end + 1] == 0x0A else { return .invalid(.upstreamProtocolError) }
        head.minorVersion = minor - 0x30
        head.status = status
        head.reason = ByteRange(start: reasonStart, count: end - reasonStart)
        return .complete(consumed: end + 2)
    }

    /// RFC 9112, section 6.3.
    private func finish(_ head: inout ResponseHead, _ method: Method) -> Bool {
        head.keepAlive =
            head.minorVersion == 1
            ? !framing.connectionClose
            : framing.connectionKeepAlive && !framing.connectionClose
        head.nominatesFields = framing.nominates
        if framing.lengthIsRepeated { FramingFields.removeRepeatedLength(from: &head.fields) }
        if framing.sawTransferEncoding, framing.contentLength != nil || head.minorVersion == 0 { return false }
        let status = head.status
        let switches = status == 101 || (method == .connect && (200...299).contains(status))
        if status < 200 || status == 204 || switches {
            // RFC 9112, 6.1 and RFC 9110, 8.6: no framing fields here; two readers could disagree about what follows.
            if framing.sawTransferEncoding { return false }
            if let length = framing.contentLength {
                guard length == 0 else { return false }
                head.fields.remove(.contentLength)
            }
            head.framing = .none
        } else if method == .head || status == 304 {
            // It would only say how a body would have come to the gateway.
            if framing.sawTransferEncoding { head.fields.remove(.transferEncoding) }
            head.framing = .none
        } else if framing.sawTransferEncoding {
            head.framing = .chunked
        } else if let length = framing.contentLength {
            head.framing = length == 0 ? .none : .length(length)
        } else {
            head.framing = .untilClose
            head.keepAlive = false
        }
        return true
    }
}
