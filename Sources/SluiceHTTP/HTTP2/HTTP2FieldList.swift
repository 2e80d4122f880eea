import CNGHTTP2
package import NIOCore
import SluiceCore

/// The pseudo fields (RFC 9113, section 8.3; RFC 8441, section 4).
package enum HTTP2PseudoField: Sendable {
    case method, scheme, authority, path, `protocol`, status

    fileprivate var text: StaticString {
        switch self {
        case .method: ":method"
        case .scheme: ":scheme"
        case .authority: ":authority"
        case .path: ":path"
        case .protocol: ":protocol"
        case .status: ":status"
        }
    }
}

/// A header block to be sent: pseudo fields, and fields as HTTP/1 writes them.
///
/// The fields are lines that were written into it, a table of a head, or the whole head of a request. They are read where
/// they lie, and the session copies what it is given.
///
/// Meant to be kept and used again (`reset`): nothing is allocated once it has grown to the largest head. Names may be in
/// any case; they are sent in lower case. Fields that concern a connection are left out here, whoever wrote them
/// (RFC 9113, section 8.2.2).
///
/// Isolation: one loop.
package struct HTTP2FieldList {
    /// Complete lines, `name: value CRLF`; an empty line ends them. May be written to directly.
    package var lines = ByteBuffer()
    /// The digits of `:status`, which is ahead of all others.
    private var statusText: (UInt8, UInt8, UInt8)?
    /// Values of the other pseudo fields, one behind the other.
    private var values = ByteBuffer()
    private var pseudo: [(name: HTTP2PseudoField, range: ByteRange)] = []
    /// `Host` says the same as `:authority`, which is there.
    private var leavesOutHost = false
    /// An extended CONNECT has no use for the key of a WebSocket (RFC 8441, section 5).
    private var leavesOutKey = false
    private var vectors: [nghttp2_nv] = []

    package init() {}

    /// Forgets everything but keeps the memory, unless it is unusually much.
    package mutating func reset() {
        if lines.capacity > 16 * 1024 { lines = ByteBuffer() } else if lines.writerIndex > 0 { lines.clear() }
        statusText = nil
        if !pseudo.isEmpty {
            values.clear()
            pseudo.removeAll(keepingCapacity: true)
        }
        leavesOutHost = false
        leavesOutKey = false
    }

    // MARK: - Pseudo fields

    /// `:status`, of an answer or an interim answer.
    package mutating func status(_ status: UInt16) {
        func digit(_ divisor: UInt16) -> UInt8 { UInt8(ascii: "0") + UInt8(truncatingIfNeeded: status / divisor % 10) }
        statusText = (digit(100), digit(10), digit(1))
    }

    /// Any of them; `Host` is left out of the lines once there is `:authority`.
    package mutating func pseudo(_ name: HTTP2PseudoField, _ value: some Collection<UInt8>) {
        let start = values.writerIndex
        pseudo.append((name, ByteRange(start: start, count: values.writeBytes(value))))
        if case .authority = name { leavesOutHost = true }
    }

    // MARK: - Fields

    /// Adds a field behind the others; the caller answers for valid bytes.
    package mutating func append(_ name: StaticString, _ value: some Collection<UInt8>) {
        lines.writeStaticString(name)
        lines.writeInteger(UInt16(0x3A20))
        lines.writeBytes(value)
        lines.writeInteger(UInt16(0x0D0A))
    }

    // MARK: - For the library

    /// Calls `body` with the fields as the library wants them, pseudo fields first.
    ///
    /// - Returns: nil when a line is malformed or longer than can be sent.
    mutating func withVectors<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R? {
        withPseudo { list in
            list.lines.withUnsafeReadableBytes { lines in
                guard list.addLines(lines) else { return nil }
                return list.vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
            }
        }
    }

    /// The same with the live fields of a table instead of lines, and `Date` behind them if it is given.
    mutating func withVectors<R>(
        of table: inout HeaderTable,
        date: [UInt8]? = nil,
        _ body: (UnsafePointer<nghttp2_nv>?, Int) -> R
    ) -> R? {
        withPseudo { list in
            table.bytes.withUnsafeReadableBytes { bytes in
                guard table.entries.withUnsafeBufferPointer({ list.add($0, of: bytes) }) else { return nil }
                guard let date else { return list.vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count) } }
                return date.withUnsafeBytes { date in
                    list.vectors.append(Self.vector("date", date))
                    return list.vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
                }
            }
        }
    }

    private mutating func withPseudo<R>(_ body: (inout HTTP2FieldList) -> R?) -> R? {
        vectors.removeAll(keepingCapacity: true)
        if var statusText {
            return withUnsafeBytes(of: &statusText) {
                vectors.append(Self.vector(HTTP2PseudoField.status.text, $0))
                return body(&self)
            }
        }
        guard !pseudo.isEmpty else { return body(&self) }
        let values = self.values
        return values.withUnsafeReadableBytes { values in
            for (name, range) in pseudo {
                vectors.append(
                    Self.vector(name.text, UnsafeRawBufferPointer(rebasing: values[Int(range.start)..<range.end]))
                )
            }
            return body(&self)
        }
    }

    /// What the library, and with it many a peer, can unpack.
    private static let longest: UInt32 = 65_535

    private mutating func addLines(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var at = 0
        while at < bytes.count {
            switch FieldParser.line(bytes, from: at) {
            case .end(let next): return next == bytes.count
            case .incomplete, .invalid: return false
            case .field(let name, let value, let next):
                guard name.count <= Self.longest, value.count <= Self.longest else { return false }
                let text = UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])
                add(FieldName.intern(text), text, UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end]))
                at = next
            }
        }
        return true
    }

    /// - Returns: false when a name or a value could not stand in a line.
    private mutating func add(
        _ entries: UnsafeBufferPointer<HeaderTable.Entry>,
        of bytes: UnsafeRawBufferPointer
    ) -> Bool {
        for entry in entries where !entry.isRemoved {
            let nameEnd = Int(entry.nameStart) + Int(entry.nameCount)
            let valueEnd = Int(entry.valueStart) + Int(entry.valueCount)
            guard nameEnd <= bytes.count, valueEnd <= bytes.count, entry.valueCount <= Self.longest else {
                return false
            }
            let name = UnsafeRawBufferPointer(rebasing: bytes[Int(entry.nameStart)..<nameEnd])
            let value = Self.trimmed(UnsafeRawBufferPointer(rebasing: bytes[Int(entry.valueStart)..<valueEnd]))
            // Filters may have added it.
            guard name.count > 0, FieldParser.endOfName(name, from: 0) == name.count,
                FieldParser.endOfValue(value, from: 0) == value.count
            else { return false }
            add(entry.name, name, value)
        }
        return true
    }

    /// Without the white space that a line may have around its value.
    @inline(__always)
    private static func trimmed(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = value.count
        while start < end, value[start] == 0x20 || value[start] == 0x09 { start += 1 }
        while start < end, value[end - 1] == 0x20 || value[end - 1] == 0x09 { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: value[start..<end])
    }

    /// Adds one field unless it has no place in HTTP/2.
    @inline(__always)
    private mutating func add(_ id: FieldName, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        var flags = NGHTTP2_NV_FLAG_NONE
        switch id {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .http2Settings: return
        case .te: guard ASCII.equalsFolded(value, "trailers") else { return }
        case .host: if leavesOutHost { return }
        // Short secrets could be guessed from the size of the compressed block (RFC 7541, section 7.1).
        case .authorization, .proxyAuthorization, .setCookie: flags = NGHTTP2_NV_FLAG_NO_INDEX
        case .cookie: if value.count < 20 { flags = NGHTTP2_NV_FLAG_NO_INDEX }
        case .other where leavesOutKey && ASCII.equalsFolded(name, "sec-websocket-key"): return
        default: break
        }
        vectors.append(Self.vector(name, value, flags: flags))
    }

    @inline(__always)
    private static func vector(_ name: StaticString, _ value: UnsafeRawBufferPointer) -> nghttp2_nv {
        vector(name.bytes, value, flags: NGHTTP2_NV_FLAG_NONE)
    }

    @inline(__always)
    private static func vector(
        _ name: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer,
        flags: nghttp2_nv_flag
    ) -> nghttp2_nv {
        // The library copies both and changes neither.
        nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.assumingMemoryBound(to: UInt8.self).baseAddress),
            value: UnsafeMutablePointer(mutating: value.assumingMemoryBound(to: UInt8.self).baseAddress),
            namelen: name.count,
            valuelen: value.count,
            flags: UInt8(truncatingIfNeeded: flags.rawValue)
        )
    }
}

// MARK: - Whole requests

extension HTTP2FieldList {
    /// Calls `body` with the fields of a request head, as HTTP/1 writes it, and with the place where the head ends.
    ///
    /// Read once, from front to back. What was in the list before counts for nothing.
    ///
    /// - Parameters:
    ///   - text: begins with the head; what is behind it is not looked at.
    ///   - scheme: `http` or `https`.
    ///   - protocol: for an Upgrade, what it asks for, such as `websocket`: sent as extended CONNECT (RFC 8441).
    /// - Returns: nil when it is no whole head, or a field is longer than can be sent.
    mutating func withRequest<R>(
        _ text: UnsafeRawBufferPointer,
        scheme: StaticString,
        protocol upgrade: StaticString? = nil,
        _ body: (UnsafePointer<nghttp2_nv>?, Int, _ end: Int) -> R
    ) -> R? {
        guard let line = RequestLine(text) else { return nil }
        vectors.removeAll(keepingCapacity: true)
        leavesOutKey = upgrade != nil
        leavesOutHost = false
        if let upgrade {
            vectors.append(Self.vector(HTTP2PseudoField.method.text, ("CONNECT" as StaticString).bytes))
            vectors.append(Self.vector(HTTP2PseudoField.protocol.text, upgrade.bytes))
        } else {
            vectors.append(Self.vector(HTTP2PseudoField.method.text, line.method))
        }
        if upgrade == nil, line.method.elementsEqual(("CONNECT" as StaticString).bytes) {
            vectors.append(Self.vector(HTTP2PseudoField.authority.text, line.target))
            leavesOutHost = true
            guard let end = addFields(text, from: line.next, authority: nil) else { return nil }
            return vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count, end) }
        }
        vectors.append(Self.vector(HTTP2PseudoField.scheme.text, scheme.bytes))
        // Known when `Host` has come.
        let authority = vectors.count
        vectors.append(Self.vector(HTTP2PseudoField.authority.text, scheme.bytes))
        vectors.append(Self.vector(HTTP2PseudoField.path.text, line.target))
        guard let end = addFields(text, from: line.next, authority: authority) else { return nil }
        if !leavesOutHost { vectors.remove(at: authority) }
        return vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count, end) }
    }

    /// - Parameter authority: the place for what the first `Host` says; nil: there is no use for it.
    /// - Returns: where the head ends.
    private mutating func addFields(_ bytes: UnsafeRawBufferPointer, from start: Int, authority: Int?) -> Int? {
        var authority = authority
        var at = start
        while true {
            switch FieldParser.line(bytes, from: at) {
            case .end(let next): return next
            case .incomplete, .invalid: return nil
            case .field(let name, let value, let next):
                guard name.count <= Self.longest, value.count <= Self.longest else { return nil }
                let text = UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])
                let id = FieldName.intern(text)
                let valueText = UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end])
                if id == .host, let place = authority {
                    authority = nil
                    if value.count > 0 {
                        vectors[place] = Self.vector(HTTP2PseudoField.authority.text, valueText)
                        leavesOutHost = true
                    }
                }
                add(id, text, valueText)
                at = next
            }
        }
    }

    /// `method SP target SP version CRLF`.
    private struct RequestLine {
        let method: UnsafeRawBufferPointer
        let target: UnsafeRawBufferPointer
        /// Where the fields begin.
        let next: Int

        init?(_ text: UnsafeRawBufferPointer) {
            var first = 0
            var last = 0
            var i = 0
            while i < text.count, text[i] != 0x0D {
                if text[i] == 0x20 {
                    if first == 0 { first = i }
                    last = i
                }
                i += 1
            }
            guard i + 1 < text.count, text[i + 1] == 0x0A, first > 0, first + 1 < last else { return nil }
            method = UnsafeRawBufferPointer(rebasing: text[..<first])
            target = UnsafeRawBufferPointer(rebasing: text[(first + 1)..<last])
            next = i + 2
        }
    }
}

extension StaticString {
    /// The bytes of a literal, which live as long as the program.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
