import NIOCore
import SluiceCore
import SluiceHTTP

/// Writes the head of an HTTP/2 request down as HTTP/1 does, for the parser that all requests go through: what is refused
/// there is refused here, and nothing behind it knows the difference (RFC 9113, section 8.3).
///
/// One per connection: header blocks come one after the other. Isolation: one loop. Allocates: until it has grown.
struct HTTP2RequestText {
    private enum Pseudo: Int { case method, scheme, authority, path, `protocol` }

    private var pseudo = InlineArray<5, ByteRange?>(repeating: nil)
    private var values = ByteBuffer()
    private var lines = ByteBuffer()
    private var cookies = ByteBuffer()
    private var host: ByteRange?
    private var isMalformed = false
    private(set) var declaresLength = false
    /// An extended CONNECT that asks for a WebSocket (RFC 8441).
    private(set) var opensWebSocket = false
    private(set) var isConnect = false

    mutating func begin() {
        pseudo = InlineArray(repeating: nil)
        values.clear()
        lines.clear()
        cookies.clear()
        host = nil
        isMalformed = false
        declaresLength = false
        opensWebSocket = false
        isConnect = false
    }

    /// Takes one field in the order in which they come, pseudo fields first.
    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        // The library has checked both; a line break that slipped through would be a field of its own.
        for byte in value where byte == 0x0D || byte == 0x0A || byte == 0 { isMalformed = true }
        if name.first == UInt8(ascii: ":") { return addPseudo(name, value) }
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
        lines.writeBytes(name)
        lines.writeInteger(UInt16(0x3A20))
        lines.writeBytes(value)
        lines.writeInteger(UInt16(0x0D0A))
    }

    private mutating func addPseudo(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let kind: Pseudo
        if ASCII.equalsFolded(name, ":method") {
            kind = .method
        } else if ASCII.equalsFolded(name, ":path") {
            kind = .path
        } else if ASCII.equalsFolded(name, ":authority") {
            kind = .authority
        } else if ASCII.equalsFolded(name, ":scheme") {
            kind = .scheme
        } else if ASCII.equalsFolded(name, ":protocol") {
            kind = .protocol
        } else {
            isMalformed = true
            return
        }
        // They stand in a line with spaces between them.
        for byte in value where byte <= 0x20 || byte == 0x7F { isMalformed = true }
        if pseudo[kind.rawValue] != nil { isMalformed = true }
        let start = values.writerIndex
        pseudo[kind.rawValue] = ByteRange(start: start, count: values.writeBytes(value))
    }

    /// RFC 9113, section 8.3.1: beside `:authority` it says the same or nothing good.
    private mutating func addHost(_ value: UnsafeRawBufferPointer) {
        if host != nil { isMalformed = true }
        let start = values.writerIndex
        host = ByteRange(start: start, count: values.writeBytes(value))
    }

    /// RFC 9113, section 8.2.3: crumbs are put together again.
    private mutating func addCookie(_ value: UnsafeRawBufferPointer) {
        if cookies.readableBytes > 0 { cookies.writeStaticString("; ") }
        cookies.writeBytes(value)
    }

    /// The whole head, up to its empty line.
    ///
    /// - Parameters:
    ///   - endStream: nothing follows it.
    ///   - random: for the key of a WebSocket, which HTTP/2 has none of.
    mutating func finish(endStream: Bool, random: () -> UInt64) -> Result<ByteBuffer, GatewayError> {
        guard !isMalformed, let method = pseudo[Pseudo.method.rawValue] else { return .failure(.badRequestLine) }
        isConnect = equals(method, "CONNECT")
        var head = ByteBuffer()
        head.reserveCapacity(values.readableBytes + lines.readableBytes + cookies.readableBytes + 256)
        if let error = writeRequestLine(method, to: &head) { return .failure(error) }
        let authority = pseudo[Pseudo.authority.rawValue]
        if let authority, let host, !areEqual(authority, host) { return .failure(.severalHosts) }
        if let name = authority ?? host {
            head.writeStaticString("Host: ")
            write(name, to: &head)
            head.writeStaticString("\r\n")
        }
        head.writeImmutableBuffer(lines)
        if cookies.readableBytes > 0 {
            head.writeStaticString("cookie: ")
            head.writeImmutableBuffer(cookies)
            head.writeStaticString("\r\n")
        }
        if opensWebSocket {
            writeHandshake(random, to: &head)
        } else if !endStream, !declaresLength, !isConnect {
            head.writeStaticString("transfer-encoding: chunked\r\n")
        }
        head.writeStaticString("\r\n")
        return .success(head)
    }

    private mutating func writeRequestLine(_ method: ByteRange, to head: inout ByteBuffer) -> GatewayError? {
        if let token = pseudo[Pseudo.protocol.rawValue] {
            guard isConnect else { return .badRequestLine }
            guard equals(token, "websocket") else { return .badUpgrade }
            opensWebSocket = true
            isConnect = false
        }
        guard isConnect || hasWebScheme else { return .badTarget }
        let target = isConnect ? Pseudo.authority : .path
        guard let target = pseudo[target.rawValue], target.count > 0 else { return .badRequestLine }
        // The library looks at paths of `http` only; one that begins with a scheme would name another host.
        if !isConnect, !startsWithSlash(target), !equals(target, "*") { return .badTarget }
        if opensWebSocket { head.writeStaticString("GET") } else { write(method, to: &head) }
        head.writeStaticString(" ")
        write(target, to: &head)
        head.writeStaticString(" HTTP/1.1\r\n")
        return nil
    }

    /// What RFC 6455 wants, section 4.1, and RFC 8441 leaves out.
    private func writeHandshake(_ random: () -> UInt64, to head: inout ByteBuffer) {
        head.writeStaticString("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ")
        var key: [UInt8] = []
        for _ in 0..<2 { withUnsafeBytes(of: random()) { key += $0 } }
        head.writeBytes(Base64.encode(key))
        head.writeStaticString("\r\n")
    }

    /// RFC 9113, section 8.3.1; the gateway translates no other protocol.
    private var hasWebScheme: Bool {
        guard let scheme = pseudo[Pseudo.scheme.rawValue] else { return false }
        return withBytes(scheme) { ASCII.equalsFolded($0, "http") || ASCII.equalsFolded($0, "https") }
    }

    private func startsWithSlash(_ range: ByteRange) -> Bool { withBytes(range) { $0.first == UInt8(ascii: "/") } }

    private func withBytes<R>(_ range: ByteRange, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        values.withUnsafeReadableBytes { body(UnsafeRawBufferPointer(rebasing: $0[Int(range.start)..<range.end])) }
    }

    private func write(_ range: ByteRange, to head: inout ByteBuffer) {
        values.withUnsafeReadableBytes { head.writeRange(range, of: $0) }
    }

    private func areEqual(_ a: ByteRange, _ b: ByteRange) -> Bool {
        values.withUnsafeReadableBytes { bytes in
            ASCII.equalsFolded(
                UnsafeRawBufferPointer(rebasing: bytes[Int(a.start)..<a.end]),
                UnsafeRawBufferPointer(rebasing: bytes[Int(b.start)..<b.end])
            )
        }
    }

    private func equals(_ range: ByteRange, _ text: StaticString) -> Bool {
        withBytes(range) { bytes in
            bytes.elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }
    }
}
