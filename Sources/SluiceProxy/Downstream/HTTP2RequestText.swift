import NIOCore
import SluiceCore
import SluiceHTTP

/// Writes the head of an HTTP/2 request down as HTTP/1 does, for the parser that all requests go through: what is refused
/// there is refused here, and nothing behind it knows the difference (RFC 9113, section 8.3).
///
/// One per connection: header blocks come one after the other. Isolation: one loop. Allocates: until it has grown.
struct HTTP2RequestText {
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
            guard ASCII.equalsFolded(name, text) else { return nil }
            self = kind
        }
    }

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
        if name.first == UInt8(ascii: ":") { return addPseudo(name, value) }
        // The library has checked both; a line break that slipped through would be a field of its own.
        for byte in value where byte == 0x0D || byte == 0x0A || byte == 0 { isMalformed = true }
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
        _ = lines.writeHead(atMost: name.count + value.count + 4) { out in
            out.write(name)
            out.write(": ")
            out.write(value)
            out.write("\r\n")
        }
    }

    private mutating func addPseudo(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        guard let kind = Pseudo(name) else {
            isMalformed = true
            return
        }
        // They stand in a line with spaces between them.
        for byte in value where byte <= 0x20 || byte == 0x7F { isMalformed = true }
        if pseudo[kind.rawValue] != nil { isMalformed = true }
        pseudo[kind.rawValue] = keep(value)
    }

    /// RFC 9113, section 8.3.1: beside `:authority` it says the same or nothing good.
    private mutating func addHost(_ value: UnsafeRawBufferPointer) {
        if host != nil { isMalformed = true }
        host = keep(value)
    }

    private mutating func keep(_ value: UnsafeRawBufferPointer) -> ByteRange {
        let start = values.writerIndex
        _ = values.writeHead(atMost: value.count) { $0.write(value) }
        return ByteRange(start: start, count: value.count)
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
        let target: ByteRange
        switch checkedTarget() {
        case .success(let range): target = range
        case .failure(let error): return .failure(error)
        }
        let authority = pseudo[Pseudo.authority.rawValue]
        if let authority, let host, !areEqual(authority, host) { return .failure(.severalHosts) }
        var head = ByteBuffer()
        let size = values.readableBytes + lines.readableBytes + cookies.readableBytes + 256
        let isComplete = head.writeHead(atMost: size) { out in
            values.withUnsafeReadableBytes { values in
                if opensWebSocket { out.write("GET") } else { out.write(method, of: values) }
                out.write(" ")
                out.write(target, of: values)
                out.write(" HTTP/1.1\r\n")
                if let name = authority ?? host {
                    out.write("Host: ")
                    out.write(name, of: values)
                    out.write("\r\n")
                }
            }
            lines.withUnsafeReadableBytes { out.write($0) }
            if cookies.readableBytes > 0 {
                out.write("cookie: ")
                cookies.withUnsafeReadableBytes { out.write($0) }
                out.write("\r\n")
            }
            if opensWebSocket {
                writeHandshake(random, to: &out)
            } else if !endStream, !declaresLength, !isConnect {
                out.write("transfer-encoding: chunked\r\n")
            }
            out.write("\r\n")
        }
        return isComplete ? .success(head) : .failure(.internalError)
    }

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
    private func writeHandshake(_ random: () -> UInt64, to head: inout HeadWriter) {
        head.write("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ")
        var key: [UInt8] = []
        for _ in 0..<2 { withUnsafeBytes(of: random()) { key += $0 } }
        head.write(Base64.encode(key))
        head.write("\r\n")
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
