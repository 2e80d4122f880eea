package import NIOCore
package import SluiceCore

/// What a parser says after looking at the bytes it was given.
package enum ParseResult: Equatable, Sendable {
    /// A head is complete; this many bytes of the input belong to it.
    case complete(consumed: Int)
    case incomplete
    case invalid(GatewayError)
}

/// Reads request heads (RFC 9112, sections 2 to 6).
///
/// A value without I/O: it is given all unconsumed bytes of a connection and either fills a `RequestHead` or asks for
/// more. Between two calls it remembers only the line it stands at, so a head that comes byte by byte is not parsed
/// from its beginning each time.
///
/// Isolation: one loop. Allocates: only while the head's tables grow.
package struct RequestParser: Sendable {
    /// Bounds; the listener's.
    package struct Limits: Sendable {
        package var headBytes = 32 * 1024
        package var fields = 100
        package var uriBytes = 16 * 1024
        package var refuseUnderscores = true

        package init() {}
    }

    /// Longer methods are refused: nobody sends them, and one that never ends must not be waited for.
    package static let maximumMethod = 64

    private enum Phase { case leadingLine, requestLine, fields }

    private var phase = Phase.leadingLine
    /// Where the head begins (behind one leading CRLF) and where the current line does.
    private var headStart = 0
    private var lineStart = 0
    /// How far an unfinished target or field line was read, so that dripped bytes are looked at once.
    private var targetScanned = 0
    private var progress = LineProgress()
    private var framing = FramingFields()
    private var absoluteForm = false

    package init() {}

    /// Whether some bytes of a head were seen, so that a head timeout means a slow client and not an idle one.
    package var isUnderWay: Bool { phase != .leadingLine }

    /// Forgets a head, finished or not.
    package mutating func reset() {
        phase = .leadingLine
        headStart = 0
        lineStart = 0
        targetScanned = 0
        progress = LineProgress()
        framing.reset()
        absoluteForm = false
    }

    /// Parses as much as is there.
    ///
    /// `input` is read from its reader index, which does not move: the caller consumes what `.complete` names. On
    /// `.complete` the head's table holds a copy of the bytes, on `.invalid` a copy of those that were read before the
    /// mistake, so that a log can show them. The parser must be `reset` before the next head.
    package mutating func parse(_ input: ByteBuffer, into head: inout RequestHead, limits: Limits) -> ParseResult {
        input.withUnsafeReadableBytes { parse($0, into: &head, limits: limits) }
    }

    /// The same for bytes that are in no buffer.
    package mutating func parse(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout RequestHead,
        limits: Limits
    ) -> ParseResult {
        let result = read(bytes, into: &head, limits: limits)
        if case .invalid = result { keepRefused(bytes, in: &head, limits: limits) }
        return result
    }

    /// Gives the ranges of a refused head the bytes that they point into.
    private func keepRefused(_ bytes: UnsafeRawBufferPointer, in head: inout RequestHead, limits: Limits) {
        guard head.fields.bytes.readableBytes == 0, headStart < bytes.count else { return }
        let count = min(bytes.count - headStart, limits.headBytes)
        head.fields.bytes.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[headStart..<(headStart + count)]))
    }

    private mutating func read(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout RequestHead,
        limits: Limits
    ) -> ParseResult {
        if phase == .fields, progress.onlyGrew(bytes) { return unfinished(bytes, limits: limits) }
        if phase == .leadingLine {
            // Before anything can be refused: what the table holds may be of another client.
            head.reset()
            // RFC 9112, section 2.2: one empty line before the request line is forgiven.
            guard let first = bytes.first else { return .incomplete }
            if first == 0x0D {
                guard bytes.count > 1 else { return .incomplete }
                guard bytes[1] == 0x0A else { return .invalid(.bareCarriageReturn) }
                headStart = 2
                guard bytes.count > 2 else { return .incomplete }
            }
            lineStart = headStart
            phase = .requestLine
        }
        if phase == .requestLine {
            switch requestLine(bytes, into: &head, limits: limits) {
            case .complete(let next):
                lineStart = next
                phase = .fields
            case let other: return other
            }
        }
        return fieldLines(bytes, into: &head, limits: limits)
    }

    private mutating func fieldLines(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout RequestHead,
        limits: Limits
    ) -> ParseResult {
        while true {
            switch FieldParser.line(bytes, from: lineStart) {
            case .field(let name, let value, let next):
                if next - headStart > limits.headBytes { return .invalid(.headTooLarge) }
                // The table counts a name's bytes in 16 bits.
                if name.count > 0xFFFF { return .invalid(.badFieldName) }
                if head.fields.entries.count >= limits.fields { return .invalid(.tooManyFields) }
                let text = UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])
                if limits.refuseUnderscores, FieldParser.contains(text, 0x5F) { return .invalid(.underscoreInName) }
                let id = FieldName.intern(text)
                let valueText = UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end])
                let place = relative(value)
                if id != .other, let error = framing.note(id, valueText, at: place) { return .invalid(error) }
                head.fields.appendReceived(name: id, nameRange: relative(name), valueRange: place)
                lineStart = next
            case .end(let next):
                if next - headStart > limits.headBytes { return .invalid(.headTooLarge) }
                head.fields.bytes.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[headStart..<next]))
                let own = UnsafeRawBufferPointer(rebasing: bytes[headStart..<next])
                if let error = finish(&head, own) { return .invalid(error) }
                return .complete(consumed: next)
            case .incomplete:
                progress.note(bytes, from: lineStart)
                return unfinished(bytes, limits: limits)
            case .invalid(let error):
                return .invalid(error)
            }
        }
    }

    private func unfinished(_ bytes: UnsafeRawBufferPointer, limits: Limits) -> ParseResult {
        bytes.count - headStart > limits.headBytes ? .invalid(.headTooLarge) : .incomplete
    }

    /// A range of the input as one of the head.
    @inline(__always)
    private func relative(_ range: ByteRange) -> ByteRange {
        ByteRange(start: Int(range.start) - headStart, count: Int(range.count))
    }

    // MARK: - Request line

    /// `method SP request-target SP HTTP-version CRLF`, exactly one SP each.
    private mutating func requestLine(
        _ bytes: UnsafeRawBufferPointer,
        into head: inout RequestHead,
        limits: Limits
    ) -> ParseResult {
        let count = bytes.count
        var i = headStart
        while i < count, ASCII.isToken(bytes[i]) { i += 1 }
        if i - headStart > Self.maximumMethod { return .invalid(.badRequestLine) }
        guard i < count else { return .incomplete }
        guard bytes[i] == 0x20, i > headStart else { return .invalid(lineError(bytes[i], .badRequestLine)) }
        head.methodRange = ByteRange(start: 0, count: i - headStart)
        head.method = Method.intern(UnsafeRawBufferPointer(rebasing: bytes[headStart..<i]))
        let targetStart = i + 1
        i = max(targetStart, targetScanned)
        while i < count, ASCII.isTarget(bytes[i]) { i += 1 }
        if i - targetStart > limits.uriBytes { return .invalid(.uriTooLong) }
        guard i < count else {
            targetScanned = i
            return .incomplete
        }
        guard bytes[i] == 0x20 else { return .invalid(lineError(bytes[i], .badTarget)) }
        guard i > targetStart else { return .invalid(.badRequestLine) }
        let target = UnsafeRawBufferPointer(rebasing: bytes[targetStart..<i])
        switch version(bytes, from: i + 1) {
        case .complete(let next):
            head.minorVersion = bytes[next - 3] - 0x30
            if let error = parseTarget(target, at: targetStart - headStart, into: &head) { return .invalid(error) }
            return .complete(consumed: next)
        case let other: return other
        }
    }

    /// `HTTP/1.0` or `HTTP/1.1` and CRLF.
    @inline(__always)
    private func version(_ bytes: UnsafeRawBufferPointer, from start: Int) -> ParseResult {
        // What nearly everybody sends, in one comparison: "HTTP/1.1", its first letter lowest.
        if start + 10 <= bytes.count, bytes[start + 8] == 0x0D, bytes[start + 9] == 0x0A,
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)) == 0x312E_312F_5054_5448
        {
            return .complete(consumed: start + 10)
        }
        return rareVersion(bytes, from: start)
    }

    /// Byte by byte, so that the same mistake is found however the bytes come.
    private func rareVersion(_ bytes: UnsafeRawBufferPointer, from start: Int) -> ParseResult {
        let expected: StaticString = "HTTP/1.1\r\n"
        for k in 0..<expected.utf8CodeUnitCount {
            guard start + k < bytes.count else { return .incomplete }
            let byte = bytes[start + k]
            let fits = k == 5 || k == 7 ? ASCII.isDigit(byte) : byte == expected.utf8Start[k]
            if !fits { return .invalid(versionError(byte, at: k)) }
        }
        guard bytes[start + 5] == UInt8(ascii: "1"), bytes[start + 7] <= UInt8(ascii: "1") else {
            return .invalid(.unsupportedVersion)
        }
        return .complete(consumed: start + 10)
    }

    private func versionError(_ byte: UInt8, at place: Int) -> GatewayError {
        switch byte {
        case _ where place == 9: .bareCarriageReturn
        case 0x0A: .bareLineFeed
        // A second space or one at the end of the line, or no version at all.
        case 0x20: .badRequestLine
        case 0x0D where place == 0: .badRequestLine
        default: .badVersion
        }
    }

    private func lineError(_ byte: UInt8, _ other: GatewayError) -> GatewayError {
        switch byte {
        case 0x0A: .bareLineFeed
        case 0x0D: .badRequestLine
        default: other
        }
    }

    // MARK: - Target

    /// Origin, absolute, asterisk and authority form (RFC 9112, section 3.2); `base` is the target's place in the head.
    private mutating func parseTarget(
        _ target: UnsafeRawBufferPointer,
        at base: Int,
        into head: inout RequestHead
    ) -> GatewayError? {
        head.target = ByteRange(start: base, count: target.count)
        if head.method == .connect {
            head.authority = head.target
            head.path = ByteRange(start: base, count: 0)
            return Authority.isValid(target, needsPort: true) ? nil : .badTarget
        }
        if target[0] == UInt8(ascii: "/") { return splitPath(target, from: 0, at: base, into: &head) }
        if target.count == 1, target[0] == UInt8(ascii: "*") {
            guard head.method == .options else { return .badTarget }
            head.isAsterisk = true
            head.path = head.target
            return nil
        }
        guard let authorityStart = schemeEnd(target) else { return .badTarget }
        var end = authorityStart
        while end < target.count, target[end] != UInt8(ascii: "/"), target[end] != UInt8(ascii: "?") { end += 1 }
        let authority = UnsafeRawBufferPointer(rebasing: target[authorityStart..<end])
        guard Authority.isValid(authority, needsPort: false) else { return .badTarget }
        absoluteForm = true
        head.authority = ByteRange(start: base + authorityStart, count: authority.count)
        return splitPath(target, from: end, at: base, into: &head)
    }

    /// Behind `http://` or `https://`, in any case.
    private func schemeEnd(_ target: UnsafeRawBufferPointer) -> Int? {
        for scheme in ["http://", "https://"] as [StaticString] where target.count > scheme.utf8CodeUnitCount {
            let front = UnsafeRawBufferPointer(rebasing: target[..<scheme.utf8CodeUnitCount])
            if ASCII.equalsFolded(front, scheme) { return scheme.utf8CodeUnitCount }
        }
        return nil
    }

    private func splitPath(
        _ target: UnsafeRawBufferPointer,
        from start: Int,
        at base: Int,
        into head: inout RequestHead
    ) -> GatewayError? {
        var i = start
        var queryStart: Int?
        while i < target.count {
            let byte = target[i]
            if byte == UInt8(ascii: "%") {
                guard i + 2 < target.count, ASCII.hexValue(target[i + 1]) != nil, ASCII.hexValue(target[i + 2]) != nil
                else { return .badTarget }
                i += 3
                continue
            }
            if byte == UInt8(ascii: "?"), queryStart == nil { queryStart = i + 1 }
            i += 1
        }
        let pathEnd = queryStart.map { $0 - 1 } ?? target.count
        head.path = ByteRange(start: base + start, count: pathEnd - start)
        head.query = queryStart.map { ByteRange(start: base + $0, count: target.count - $0) }
        return nil
    }

    // MARK: - The end of the head

    /// Judges the fields together: host, framing, persistence, expectation.
    private func finish(_ head: inout RequestHead, _ bytes: UnsafeRawBufferPointer) -> GatewayError? {
        if let error = finishHost(&head, bytes) { return error }
        if framing.lengthIsRepeated { FramingFields.removeRepeatedLength(from: &head.fields) }
        if framing.sawTransferEncoding {
            if head.minorVersion == 0 { return .transferEncodingInHTTP10 }
            if framing.contentLength != nil { return .lengthAndTransferEncoding }
            head.framing = .chunked
        } else if let length = framing.contentLength {
            head.framing = length == 0 ? .none : .length(length)
        }
        head.keepAlive =
            head.minorVersion == 1
            ? !framing.connectionClose
            : framing.connectionKeepAlive && !framing.connectionClose
        head.nominatesFields = framing.nominates
        head.wantsUpgrade = framing.connectionUpgrade && framing.sawUpgrade && head.minorVersion == 1
        if framing.sawExpect, head.minorVersion == 1 { return finishExpectation(&head) }
        return nil
    }

    /// RFC 9110, section 10.1.1: the one expectation that there is, however often it is stated.
    private func finishExpectation(_ head: inout RequestHead) -> GatewayError? {
        var from = 0
        while let i = head.fields.firstIndex(of: .expect, from: from) {
            let range = head.fields.entries[i].valueRange
            guard head.fields.withBytes(range, { ASCII.equalsFolded($0, "100-continue") }) else {
                return .unknownExpectation
            }
            from = i + 1
        }
        if case .none = head.framing { head.expectsContinue = false } else { head.expectsContinue = true }
        return nil
    }

    /// RFC 9112, section 3.2: exactly one valid Host; an absolute target wins over it.
    ///
    /// - Parameter bytes: the head's; ranges are offsets into them.
    private func finishHost(_ head: inout RequestHead, _ bytes: UnsafeRawBufferPointer) -> GatewayError? {
        if framing.hostCount > 1 { return .severalHosts }
        if framing.hostCount == 0 {
            if head.minorVersion == 1 { return .missingHost }
        } else {
            guard Authority.isValid(slice(framing.host, of: bytes), needsPort: false) else { return .badHost }
            if !absoluteForm, head.method != .connect { head.authority = framing.host }
        }
        head.host = Authority.hostRange(slice(head.authority, of: bytes), at: Int(head.authority.start))
        // Route lookup wants lower case; most clients send it so, and only the others cost a copy.
        let host = slice(head.host, of: bytes)
        for byte in host where byte >= 0x41 && byte <= 0x5A {
            head.host = head.fields.store(host.map(ASCII.lowercased))
            break
        }
        if head.method == .options, absoluteForm, head.path.isEmpty, head.query == nil {
            // RFC 9112, section 3.2.4: this is how a client asks a proxy for `OPTIONS *`.
            head.isAsterisk = true
            head.path = head.fields.store(CollectionOfOne(UInt8(ascii: "*")))
        }
        return nil
    }

    @inline(__always)
    private func slice(_ range: ByteRange, of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard range.end <= bytes.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: bytes[Int(range.start)..<range.end])
    }
}
