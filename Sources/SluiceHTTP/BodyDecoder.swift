package import NIOCore
package import SluiceCore

/// Takes a message body apart as it arrives (RFC 9112, sections 6 and 7), without ever holding more than one line.
///
/// Isolation: one loop. Allocates: never for payload (slices of the input); trailers are copied into a table.
package struct BodyDecoder {
    package enum Event {
        /// Payload; a slice of the input.
        case data(ByteBuffer)
        /// The body is complete. `trailers` of the decoder holds the trailer fields, if there were any.
        case end
        case needMore
        case invalid(GatewayError)
    }

    private enum State {
        case done
        case length(UInt64)
        case untilClose
        case chunkSize
        case chunkData(UInt64)
        case chunkEnd
        case trailers
    }

    /// A chunk-size line longer than this holds an extension that nobody sends.
    package static let maximumChunkLine = 256
    package static let maximumTrailerBytes = 8 * 1024
    package static let maximumTrailers = 32

    private var state = State.done
    private var trailerBytes = 0
    /// Trailer fields; nil when there were none.
    package private(set) var trailers: Trailers?

    package init() {}

    package var isDone: Bool {
        if case .done = state { true } else { false }
    }

    /// Gets ready for the body of a message.
    ///
    /// - Returns: whether it is complete already, having none.
    @discardableResult
    package mutating func start(_ framing: BodyFraming) -> Bool {
        if trailers != nil { trailers = nil }
        trailerBytes = 0
        switch framing {
        case .none: state = .done
        case .length(let count): state = count == 0 ? .done : .length(count)
        case .chunked: state = .chunkSize
        case .untilClose: state = .untilClose
        }
        return isDone
    }

    /// Whether the end of the connection is the proper end of this body.
    package var endsAtClose: Bool {
        if case .untilClose = state { true } else { false }
    }

    /// The next piece; consumes from `input` what it reports.
    package mutating func next(_ input: inout ByteBuffer) -> Event {
        while true {
            switch state {
            case .done:
                return .end
            case .length(let left):
                guard let slice = take(&input, atMost: left) else { return .needMore }
                let rest = left - UInt64(slice.readableBytes)
                state = rest == 0 ? .done : .length(rest)
                return .data(slice)
            case .untilClose:
                guard let slice = take(&input, atMost: .max) else { return .needMore }
                return .data(slice)
            case .chunkData(let left):
                guard let slice = take(&input, atMost: left) else { return .needMore }
                let rest = left - UInt64(slice.readableBytes)
                state = rest == 0 ? .chunkEnd : .chunkData(rest)
                return .data(slice)
            case .chunkSize, .chunkEnd, .trailers:
                if let event = line(&input) { return event }
            }
        }
    }

    private func take(_ input: inout ByteBuffer, atMost limit: UInt64) -> ByteBuffer? {
        let count = Int(min(UInt64(input.readableBytes), limit))
        return count == 0 ? nil : input.readSlice(length: count)
    }

    /// One step through the lines between payloads; nil: go on with the new state.
    private mutating func line(_ input: inout ByteBuffer) -> Event? {
        switch state {
        case .chunkEnd:
            guard input.readableBytes >= 2 else {
                return input.readableBytes == 1 && input.getInteger(at: input.readerIndex) != UInt8(0x0D)
                    ? .invalid(.badChunkEnd) : .needMore
            }
            guard input.readInteger() == UInt16(0x0D0A) else { return .invalid(.badChunkEnd) }
            state = .chunkSize
            return nil
        case .chunkSize:
            switch input.withUnsafeReadableBytes(Self.chunkSize) {
            case .size(let size, let consumed):
                input.moveReaderIndex(forwardBy: consumed)
                state = size == 0 ? .trailers : .chunkData(size)
                return nil
            case .incomplete: return .needMore
            case .invalid(let error): return .invalid(error)
            }
        default:
            return trailerLine(&input)
        }
    }

    private enum SizeLine {
        case size(UInt64, consumed: Int)
        case incomplete
        case invalid(GatewayError)
    }

    /// `1*HEXDIG [ chunk-ext ] CRLF`; at most 15 digits, so that no size overflows.
    private static func chunkSize(_ bytes: UnsafeRawBufferPointer) -> SizeLine {
        var i = 0
        var size: UInt64 = 0
        while i < bytes.count, let digit = ASCII.hexValue(bytes[i]) {
            guard i < 15 else { return .invalid(.badChunkSize) }
            size = size << 4 | UInt64(digit)
            i += 1
        }
        guard i < bytes.count else { return .incomplete }
        guard i > 0 else { return .invalid(.badChunkSize) }
        if bytes[i] != 0x0D {
            // Only `;` may begin an extension; white space before it is legal but nobody needs it (BWS).
            guard bytes[i] == 0x3B || bytes[i] == 0x20 || bytes[i] == 0x09 else { return .invalid(.badChunkSize) }
            let extensionStart = i
            i = FieldParser.endOfValue(bytes, from: i)
            if i > maximumChunkLine { return .invalid(.chunkExtensionTooLong) }
            var k = extensionStart
            while k < i, bytes[k] == 0x20 || bytes[k] == 0x09 { k += 1 }
            if k < i, bytes[k] != 0x3B { return .invalid(.badChunkSize) }
            if k == i, i < bytes.count { return .invalid(.badChunkSize) }
        }
        guard i + 1 < bytes.count else {
            return i < bytes.count && bytes[i] != 0x0D ? .invalid(.badChunkSize) : .incomplete
        }
        guard bytes[i] == 0x0D, bytes[i + 1] == 0x0A else { return .invalid(.badChunkSize) }
        return .size(size, consumed: i + 2)
    }

    /// Whether a field must not be among trailers, for messages that have no chunks.
    package static func isForbiddenInTrailers(_ name: UnsafeRawBufferPointer) -> Bool {
        isForbidden(FieldName.intern(name))
    }

    /// RFC 9110, section 6.5.1: what frames, routes, authenticates or steers a message has no business in a trailer.
    ///
    /// A reader that merges trailers into the header would see there what the gateway takes out of headers.
    private static func isForbidden(_ name: FieldName) -> Bool {
        switch name {
        case .contentLength, .transferEncoding, .host, .connection, .trailer, .te, .upgrade, .keepAlive, .expect,
            .authorization, .proxyConnection, .proxyAuthorization, .proxyAuthenticate, .cookie, .setCookie,
            .contentType,
            .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xRealIP, .http2Settings, .maxForwards,
            .location, .retryAfter:
            true
        default: false
        }
    }

    /// One trailer line, kept, or the empty line behind the last.
    private mutating func trailerLine(_ input: inout ByteBuffer) -> Event? {
        let result = input.withUnsafeReadableBytes { bytes -> (FieldParser.Line, FieldName) in
            let line = FieldParser.line(bytes, from: 0)
            guard case .field(let name, _, _) = line else { return (line, .other) }
            return (line, FieldName.intern(UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])))
        }
        switch result.0 {
        case .field(let name, let value, let next):
            trailerBytes += next
            if Self.isForbidden(result.1) { return .invalid(.badTrailer) }
            let table = trailers ?? Trailers()
            guard trailerBytes <= Self.maximumTrailerBytes, table.fields.entries.count < Self.maximumTrailers else {
                trailers = nil
                return .invalid(.badTrailer)
            }
            let base = table.fields.bytes.writerIndex
            guard var lineBytes = input.readSlice(length: next) else { return .needMore }
            table.fields.bytes.writeBuffer(&lineBytes)
            table.fields.appendReceived(
                name: result.1,
                nameRange: ByteRange(start: base + Int(name.start), count: Int(name.count)),
                valueRange: ByteRange(start: base + Int(value.start), count: Int(value.count))
            )
            trailers = table
            return nil
        case .end(let next):
            input.moveReaderIndex(forwardBy: next)
            state = .done
            return .end
        case .incomplete:
            return input.readableBytes > Self.maximumTrailerBytes ? .invalid(.badTrailer) : .needMore
        case .invalid:
            return .invalid(.badTrailer)
        }
    }
}
