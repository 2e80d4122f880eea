import Glibc
import SluiceCore
import SluiceHTTP

/// Writes the head of an HTTP/2 request down as HTTP/1 does, for the parser that all requests go through: what is refused
/// there is refused here, and nothing behind it knows the difference (RFC 9113, section 8.3).
///
/// One per connection: header blocks come one after the other, and the heads of those that came in one read are kept
/// until their requests have begun. Isolation: one loop. Allocates: until it has grown.
struct HTTP2RequestText: ~Copyable {
    private enum Pseudo: Int {
        case method, scheme, authority, path, `protocol`

        init?(_ name: UnsafeRawBufferPointer) {
            let (kind, text): (Pseudo, StaticString)
            switch name.count {
            case 5: (kind, text) = (.path, ":path")
            case 7 where name[1] == UInt8(ascii: "m"): (kind, text) = (.method, ":method")
            case 7: (kind, text) = (.scheme, ":scheme")
            case 9: (kind, text) = (.protocol, ":protocol")
            case 10: (kind, text) = (.authority, ":authority")
            default: return nil
            }
            // The library lets no other letters through than small ones.
            guard HTTP2RequestText.areEqual(name, text) else { return nil }
            self = kind
        }
    }

    private var pseudo = InlineArray<5, ByteRange?>(repeating: nil)
    private var values = HeadMemory()
    private var lines = HeadMemory()
    private var cookies = HeadMemory()
    private var heads = HeadMemory()
    private var host: ByteRange?
    private var isMalformed = false
    private(set) var declaresLength = false
    /// An extended CONNECT that asks for a WebSocket (RFC 8441).
    private(set) var opensWebSocket = false
    private(set) var isConnect = false

    mutating func begin() {
        pseudo = InlineArray(repeating: nil)
        values.clear(keeping: Self.kept)
        lines.clear(keeping: Self.kept)
        cookies.clear(keeping: Self.kept)
        host = nil
        isMalformed = false
        declaresLength = false
        opensWebSocket = false
        isConnect = false
    }

    /// What a connection keeps of each memory beyond a head.
    private static let kept = 4096

    /// Takes one field in the order in which they come, pseudo fields first.
    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        if name.first == UInt8(ascii: ":") { return addPseudo(name, value) }
        // The library has checked both; a line break that slipped through would be a field of its own.
        if Self.mayHoldByte(below: 0x20, value) {
            for byte in value where byte == 0x0D || byte == 0x0A || byte == 0 { isMalformed = true }
        }
        switch FieldName.intern(name) {
        case .cookie: return addCookie(value)
        case .host: return addHost(value)
        case .contentLength:
            // What follows a CONNECT is no content (RFC 9110, section 9.3.6).
            if pseudo[Pseudo.protocol.rawValue] != nil { isMalformed = true }
            declaresLength = true
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .http2Settings:
            // RFC 9113, section 8.2.2.
            isMalformed = true
        // The handshake gets a key of ours.
        case .other where pseudo[Pseudo.protocol.rawValue] != nil && ASCII.equalsFolded(name, "sec-websocket-key"):
            return
        default: break
        }
        lines.appendLine(name, value)
    }

    /// Whether there is such a byte, or DEL; eight at a step.
    @inline(__always)
    private static func mayHoldByte(below limit: UInt8, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var found: UInt64 = 0
        var i = 0
        while i + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            let delete = word ^ ones &* 0x7F
            found |= (word &- ones &* UInt64(limit)) & ~word | (delete &- ones) & ~delete
            i += 8
        }
        if found & (ones &* 0x80) != 0 { return true }
        while i < bytes.count {
            if bytes[i] < limit || bytes[i] == 0x7F { return true }
            i += 1
        }
        return false
    }

    private mutating func addPseudo(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        guard let kind = Pseudo(name) else {
            isMalformed = true
            return
        }
        // They stand in a line with spaces between them.
        if Self.mayHoldByte(below: 0x21, value) { isMalformed = true }
        if pseudo[kind.rawValue] != nil { isMalformed = true }
        pseudo[kind.rawValue] = keep(value)
    }

    /// RFC 9113, section 8.3.1: beside `:authority` it says the same or nothing good.
    private mutating func addHost(_ value: UnsafeRawBufferPointer) {
        if host != nil { isMalformed = true }
        host = keep(value)
    }

    private mutating func keep(_ value: UnsafeRawBufferPointer) -> ByteRange {
        let start = values.count
        values.append(value)
        return ByteRange(start: start, count: value.count)
    }

    /// RFC 9113, section 8.2.3: crumbs are put together again.
    private mutating func addCookie(_ value: UnsafeRawBufferPointer) {
        if cookies.count > 0 { cookies.append("; ") }
        cookies.append(value)
    }

    // MARK: - Whole heads

    /// Puts the head together, up to its empty line; `head` gives its bytes until `forgetHeads`.
    ///
    /// - Parameters:
    ///   - endStream: nothing follows it.
    ///   - random: for the key of a WebSocket, which HTTP/2 has none of.
    mutating func finish(endStream: Bool, random: inout RandomSource) -> Result<ByteRange, GatewayError> {
        guard !isMalformed, let method = pseudo[Pseudo.method.rawValue] else { return .failure(.badRequestLine) }
        isConnect = equals(method, "CONNECT")
        let target: ByteRange
        switch checkedTarget() {
        case .success(let range): target = range
        case .failure(let error): return .failure(error)
        }
        let authority = pseudo[Pseudo.authority.rawValue]
        if let authority, let host, !areEqual(authority, host) { return .failure(.severalHosts) }
        let start = heads.count
        heads.reserve(values.count + lines.count + cookies.count + 256)
        if opensWebSocket { heads.append("GET") } else { heads.append(values.bytes(method)) }
        heads.append(" ")
        heads.append(values.bytes(target))
        heads.append(" HTTP/1.1\r\n")
        if let name = authority ?? host {
            heads.append("Host: ")
            heads.append(values.bytes(name))
            heads.append("\r\n")
        }
        heads.append(lines.bytes)
        if cookies.count > 0 {
            heads.append("cookie: ")
            heads.append(cookies.bytes)
            heads.append("\r\n")
        }
        if opensWebSocket {
            appendHandshake(&random)
        } else if !endStream, !declaresLength, !isConnect {
            heads.append("transfer-encoding: chunked\r\n")
        }
        heads.append("\r\n")
        return .success(ByteRange(start: start, count: heads.count - start))
    }

    /// A head that `finish` gave; valid until the next call that changes anything.
    func head(_ range: ByteRange) -> UnsafeRawBufferPointer { heads.bytes(range) }

    /// All heads have been read.
    mutating func forgetHeads() { heads.clear(keeping: 2 * Self.kept) }

    /// The target of the request line; also finds out what kind of CONNECT it is.
    private mutating func checkedTarget() -> Result<ByteRange, GatewayError> {
        if let token = pseudo[Pseudo.protocol.rawValue] {
            guard isConnect else { return .failure(.badRequestLine) }
            guard equals(token, "websocket") else { return .failure(.badUpgrade) }
            opensWebSocket = true
            isConnect = false
        }
        guard isConnect || hasWebScheme else { return .failure(.badTarget) }
        let kind = isConnect ? Pseudo.authority : .path
        guard let target = pseudo[kind.rawValue], target.count > 0 else { return .failure(.badRequestLine) }
        // The library looks at paths of `http` only; one that begins with a scheme would name another host.
        if !isConnect, !startsWithSlash(target), !equals(target, "*") { return .failure(.badTarget) }
        return .success(target)
    }

    /// What RFC 6455 wants, section 4.1, and RFC 8441 leaves out.
    private mutating func appendHandshake(_ random: inout RandomSource) {
        heads.append("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ")
        var key: [UInt8] = []
        for _ in 0..<2 { withUnsafeBytes(of: random.next()) { key += $0 } }
        Base64.encode(key).withUnsafeBytes { heads.append($0) }
        heads.append("\r\n")
    }

    /// RFC 9113, section 8.3.1; the gateway translates no other protocol.
    private var hasWebScheme: Bool {
        guard let scheme = pseudo[Pseudo.scheme.rawValue] else { return false }
        let bytes = values.bytes(scheme)
        return ASCII.equalsFolded(bytes, "http") || ASCII.equalsFolded(bytes, "https")
    }

    private func startsWithSlash(_ range: ByteRange) -> Bool { values.bytes(range).first == UInt8(ascii: "/") }

    private func areEqual(_ a: ByteRange, _ b: ByteRange) -> Bool {
        ASCII.equalsFolded(values.bytes(a), values.bytes(b))
    }

    private func equals(_ range: ByteRange, _ text: StaticString) -> Bool {
        Self.areEqual(values.bytes(range), text)
    }

    @inline(__always)
    private static func areEqual(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount, let base = bytes.baseAddress else { return false }
        return memcmp(base, text.utf8Start, bytes.count) == 0
    }
}
