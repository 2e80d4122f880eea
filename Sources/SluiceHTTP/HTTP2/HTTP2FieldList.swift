import CNGHTTP2
package import NIOCore
import SluiceCore

/// The pseudo fields (RFC 9113, section 8.3; RFC 8441, section 4).
package enum HTTP2PseudoField: Sendable {
    case method, scheme, authority, path, `protocol`, status

    var text: StaticString {
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
package struct HTTP2FieldList: ~Copyable {
    /// Complete lines, `name: value CRLF`; an empty line ends them. May be written to directly.
    package var lines = ByteBuffer()
    private var hasStatus = false
    /// Values of the other pseudo fields, one behind the other.
    private var values = ByteBuffer()
    private var pseudo: [(name: HTTP2PseudoField, range: ByteRange)] = []
    /// `Host` says the same as `:authority`, which is there.
    var leavesOutHost = false
    /// An extended CONNECT has no use for the key of a WebSocket (RFC 8441, section 5).
    var leavesOutKey = false
    var vectors = HTTP2Vectors()

    package init() {}

    /// Forgets everything but keeps the memory, unless it is unusually much.
    package mutating func reset() {
        if lines.capacity > 16 * 1024 { lines = ByteBuffer() } else if lines.writerIndex > 0 { lines.clear() }
        hasStatus = false
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
        vectors.setDigits(status)
        hasStatus = true
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

    // These fill `vectors` with pointers into the list and what they are given: both must stay as they are until the
    // library has copied them. Closures would make that sure, and count references at each step of it.

    /// Pseudo fields, then the lines.
    ///
    /// - Returns: false when a line is malformed or longer than can be sent.
    mutating func gather() -> Bool {
        gatherPseudo()
        return addLines(lines.withUnsafeReadableBytes { $0 })
    }

    /// The same with the live fields of a table instead of lines, and `Date` behind them if it is given.
    mutating func gather(_ table: inout HeaderTable, date: UnsafeRawBufferPointer? = nil) -> Bool {
        gatherPseudo()
        let all = table.lendAll()
        guard add(all.entries, of: all.bytes) else { return false }
        if let date { vectors.append(Self.vector("date", date)) }
        return true
    }

    private mutating func gatherPseudo() {
        vectors.clear()
        if hasStatus { vectors.append(Self.vector(HTTP2PseudoField.status.text, vectors.digits)) }
        guard !pseudo.isEmpty else { return }
        let values = values.withUnsafeReadableBytes { $0 }
        for (name, range) in pseudo {
            vectors.append(
                Self.vector(name.text, UnsafeRawBufferPointer(rebasing: values[Int(range.start)..<range.end]))
            )
        }
    }

    /// What the library, and with it many a peer, can unpack.
    static let longest: UInt32 = 65_535

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
    mutating func add(_ id: FieldName, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
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
    static func vector(_ name: StaticString, _ value: UnsafeRawBufferPointer) -> nghttp2_nv {
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

extension StaticString {
    /// The bytes of a literal, which live as long as the program.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}
