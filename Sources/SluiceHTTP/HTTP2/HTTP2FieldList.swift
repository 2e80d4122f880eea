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

/// A header block to be sent: pseudo fields, and a head or fields as HTTP/1 writes them.
///
/// Meant to be kept and used again (`reset`): nothing is allocated once it has grown to the largest head. The session
/// copies what it is given. Names may be in any case; they are sent in lower case. Fields that concern a connection
/// are left out here, whoever wrote them (RFC 9113, section 8.2.2).
///
/// Isolation: one loop.
package struct HTTP2FieldList {
    /// Complete lines, `name: value CRLF`; an empty line ends them. May be written to directly.
    package var lines = ByteBuffer()
    /// Values of the pseudo fields, one behind the other.
    private var values = ByteBuffer()
    private var pseudo: [(name: HTTP2PseudoField, range: ByteRange)] = []
    /// Where in `lines` the fields begin: behind a start line, if there is one.
    private var linesStart = 0
    /// `Host` says the same as `:authority`, which is there.
    private var leavesOutHost = false
    /// An extended CONNECT has no use for the key of a WebSocket (RFC 8441, section 5).
    private var leavesOutKey = false
    private var vectors: [nghttp2_nv] = []

    package init() {}

    /// Forgets everything but keeps the memory, unless it is unusually much.
    package mutating func reset() {
        if lines.capacity > 16 * 1024 { lines = ByteBuffer() } else { lines.clear() }
        values.clear()
        pseudo.removeAll(keepingCapacity: true)
        linesStart = 0
        leavesOutHost = false
        leavesOutKey = false
    }

    // MARK: - Pseudo fields

    /// `:status`, of an answer or an interim answer.
    package mutating func status(_ status: UInt16) {
        let start = values.writerIndex
        for divisor in [100, 10, 1] as [UInt16] {
            values.writeInteger(UInt8(ascii: "0") + UInt8(status / divisor % 10))
        }
        pseudo.append((.status, ByteRange(start: start, count: 3)))
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

    /// Takes what stands in `lines` as the whole head of an HTTP/1 response: status line, fields, empty line.
    ///
    /// - Returns: false when it is not one; the list is not to be used then.
    package mutating func readAnswer() -> Bool {
        guard let lineEnd = startLine(), lineEnd >= 12 else { return false }
        let digits: (UInt8, UInt8, UInt8) = lines.withUnsafeReadableBytes { ($0[9], $0[10], $0[11]) }
        guard ASCII.isDigit(digits.0), ASCII.isDigit(digits.1), ASCII.isDigit(digits.2) else { return false }
        let start = values.writerIndex
        values.writeMultipleIntegers(digits.0, digits.1, digits.2)
        pseudo.append((.status, ByteRange(start: start, count: 3)))
        linesStart = lineEnd + 2
        return true
    }

    /// Takes what stands in `lines` as the whole head of an HTTP/1 request: request line, fields, empty line.
    ///
    /// - Parameters:
    ///   - scheme: `http` or `https`.
    ///   - protocol: for an Upgrade, what it asks for, such as `websocket`: sent as extended CONNECT (RFC 8441).
    /// - Returns: false when it is not one; the list is not to be used then.
    package mutating func readRequest(scheme: StaticString, protocol upgrade: StaticString? = nil) -> Bool {
        guard let lineEnd = startLine() else { return false }
        let parts: (method: ByteRange, target: ByteRange)? = lines.withUnsafeReadableBytes { bytes in
            let line = bytes[..<lineEnd]
            guard let first = line.firstIndex(of: 0x20), let last = line.lastIndex(of: 0x20), first + 1 < last else {
                return nil
            }
            return (ByteRange(start: 0, count: first), ByteRange(start: first + 1, count: last - first - 1))
        }
        guard let parts, parts.method.count > 0 else { return false }
        linesStart = lineEnd + 2
        return writeRequest(method: parts.method, target: parts.target, scheme: scheme, upgrade: upgrade)
    }

    private mutating func writeRequest(
        method: ByteRange,
        target: ByteRange,
        scheme: StaticString,
        upgrade: StaticString?
    ) -> Bool {
        let lines = self.lines
        let bytes = lines.readableBytesView
        func part(_ range: ByteRange) -> ByteBufferView {
            bytes[bytes.startIndex + Int(range.start)..<bytes.startIndex + range.end]
        }
        let isConnect = part(method).elementsEqual("CONNECT".utf8)
        if let upgrade {
            leavesOutKey = true
            pseudo(.method, "CONNECT".utf8)
            pseudo(.protocol, upgrade.bytes)
        } else {
            pseudo(.method, part(method))
        }
        if isConnect && upgrade == nil {
            pseudo(.authority, part(target))
            return true
        }
        pseudo(.scheme, scheme.bytes)
        guard let host = lines.withUnsafeReadableBytes({ Self.host(in: $0, from: linesStart) }) else { return false }
        if host.count > 0 { pseudo(.authority, part(host)) }
        pseudo(.path, part(target))
        return true
    }

    /// Where the first line ends.
    private func startLine() -> Int? {
        lines.withUnsafeReadableBytes { bytes in
            guard let end = bytes.firstIndex(of: 0x0D), end + 1 < bytes.count, bytes[end + 1] == 0x0A else {
                return nil
            }
            return end
        }
    }

    /// The value of `Host`, empty when there is none, nil when the lines are malformed.
    private static func host(in bytes: UnsafeRawBufferPointer, from start: Int) -> ByteRange? {
        var at = start
        while case .field(let name, let value, let next) = FieldParser.line(bytes, from: at) {
            let nameBytes = UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end])
            if FieldName.intern(nameBytes) == .host { return value }
            at = next
        }
        return .empty
    }

    // MARK: - For the library

    /// Calls `body` with the fields as the library wants them, pseudo fields first.
    ///
    /// - Returns: nil when a line is malformed or longer than can be sent.
    mutating func withVectors<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R? {
        vectors.removeAll(keepingCapacity: true)
        return values.withUnsafeReadableBytes { values in
            lines.withUnsafeReadableBytes { lines in
                for (name, range) in pseudo {
                    let value = UnsafeRawBufferPointer(rebasing: values[Int(range.start)..<range.end])
                    vectors.append(Self.vector(name.text.bytes, value, flags: NGHTTP2_NV_FLAG_NONE))
                }
                guard addLines(lines) else { return nil }
                return vectors.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
            }
        }
    }

    /// What the library, and with it many a peer, can unpack.
    private static let longest: UInt32 = 65_535

    private mutating func addLines(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var at = linesStart
        while at < bytes.count {
            switch FieldParser.line(bytes, from: at) {
            case .end(let next): return next == bytes.count
            case .incomplete, .invalid: return false
            case .field(let name, let value, let next):
                guard name.count <= Self.longest, value.count <= Self.longest else { return false }
                add(
                    UnsafeRawBufferPointer(rebasing: bytes[Int(name.start)..<name.end]),
                    UnsafeRawBufferPointer(rebasing: bytes[Int(value.start)..<value.end])
                )
                at = next
            }
        }
        return true
    }

    /// Adds one field unless it has no place in HTTP/2.
    private mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        var flags = NGHTTP2_NV_FLAG_NONE
        switch FieldName.intern(name) {
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
