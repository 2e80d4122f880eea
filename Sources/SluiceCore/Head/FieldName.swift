/// The header fields the gateway itself looks at, interned when a head is parsed.
///
/// Everything else is `.other` and found by its bytes. The raw value is what a `HeaderTable` entry stores.
///
/// `public` only because that is what lets other targets inline its comparisons.
public enum FieldName: UInt8, Sendable, CaseIterable {
    case other
    case host, connection, upgrade, te, trailer, expect, accept, cookie, forwarded, date, server, via, location, origin
    case keepAlive, proxyConnection, contentLength, contentType, transferEncoding, retryAfter, authorization
    case xForwardedFor, xForwardedProto, xForwardedHost, xRequestID, http2Settings, proxyAuthenticate
    case proxyAuthorization, setCookie, grpcTimeout, maxForwards, xRealIP
    case xForwardedClientCert, grpcStatus, userAgent, referer, vary, traceparent, tracestate, sluicePasses

    /// Its place in the set of `HeaderTable.present`.
    @inlinable public var bit: UInt64 { 1 &<< UInt64(rawValue) }

    /// The name as it is written when the gateway adds the field itself (HTTP/1 keeps a peer's own spelling).
    package var canonical: StaticString {
        switch self {
        case .other: ""
        case .host: "Host"
        case .connection: "Connection"
        case .upgrade: "Upgrade"
        case .te: "TE"
        case .trailer: "Trailer"
        case .expect: "Expect"
        case .accept: "Accept"
        case .cookie: "Cookie"
        case .forwarded: "Forwarded"
        case .date: "Date"
        case .server: "Server"
        case .via: "Via"
        case .location: "Location"
        case .origin: "Origin"
        case .keepAlive: "Keep-Alive"
        case .proxyConnection: "Proxy-Connection"
        case .contentLength: "Content-Length"
        case .contentType: "Content-Type"
        case .transferEncoding: "Transfer-Encoding"
        case .retryAfter: "Retry-After"
        case .authorization: "Authorization"
        case .xForwardedFor: "X-Forwarded-For"
        case .xForwardedProto: "X-Forwarded-Proto"
        case .xForwardedHost: "X-Forwarded-Host"
        case .xRequestID: "X-Request-Id"
        case .http2Settings: "HTTP2-Settings"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .proxyAuthorization: "Proxy-Authorization"
        case .setCookie: "Set-Cookie"
        case .grpcTimeout: "grpc-timeout"
        case .maxForwards: "Max-Forwards"
        case .xRealIP: "X-Real-IP"
        case .xForwardedClientCert: "X-Forwarded-Client-Cert"
        case .grpcStatus: "grpc-status"
        case .userAgent: "User-Agent"
        case .referer: "Referer"
        case .vary: "Vary"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .sluicePasses: "Sluice-Passes"
        }
    }

    /// Interns a name as it came, letters in any case.
    ///
    /// Two tests (length, last letter) leave at most three candidates, so a name that is not well known costs little.
    package static func intern(_ name: UnsafeRawBufferPointer) -> FieldName {
        guard let last = name.last else { return .other }
        let end = last | 0x20
        switch name.count {
        case 2 where end == c("e"): return check(name, "te", .te)
        case 3 where end == c("a"): return check(name, "via", .via)
        case 4:
            if end == c("t") { return check(name, "host", .host) }
            if end == c("e") { return check(name, "date", .date) }
            if end == c("y") { return check(name, "vary", .vary) }
        case 6:
            if end == c("t") { return check(name, "accept", .accept, or: check(name, "expect", .expect)) }
            if end == c("e") { return check(name, "cookie", .cookie) }
            if end == c("r") { return check(name, "server", .server) }
            if end == c("n") { return check(name, "origin", .origin) }
        case 7:
            if end == c("e") { return check(name, "upgrade", .upgrade) }
            if end == c("r") { return check(name, "trailer", .trailer, or: check(name, "referer", .referer)) }
        case 8 where end == c("n"): return check(name, "location", .location)
        case 9:
            if end == c("d") { return check(name, "forwarded", .forwarded) }
            if end == c("p") { return check(name, "x-real-ip", .xRealIP) }
        case 10:
            switch end {
            case c("n"): return check(name, "connection", .connection)
            case c("t"): return check(name, "user-agent", .userAgent)
            case c("e"):
                let other = check(name, "set-cookie", .setCookie, or: check(name, "tracestate", .tracestate))
                return check(name, "keep-alive", .keepAlive, or: other)
            default: break
            }
        case 11:
            if end == c("t") { return check(name, "traceparent", .traceparent) }
            if end == c("r") { return check(name, "retry-after", .retryAfter) }
            if end == c("s") { return check(name, "grpc-status", .grpcStatus) }
        case 12:
            if end == c("e") { return check(name, "content-type", .contentType) }
            if end == c("d") { return check(name, "x-request-id", .xRequestID) }
            if end == c("t") { return check(name, "grpc-timeout", .grpcTimeout) }
            if end == c("s") { return check(name, "max-forwards", .maxForwards) }
        case 13:
            if end == c("n") { return check(name, "authorization", .authorization) }
            if end == c("s") { return check(name, "sluice-passes", .sluicePasses) }
        case 14:
            if end == c("h") { return check(name, "content-length", .contentLength) }
            if end == c("s") { return check(name, "http2-settings", .http2Settings) }
        case 15 where end == c("r"): return check(name, "x-forwarded-for", .xForwardedFor)
        case 16:
            if end == c("n") { return check(name, "proxy-connection", .proxyConnection) }
            if end == c("t") { return check(name, "x-forwarded-host", .xForwardedHost) }
        case 17:
            if end == c("g") { return check(name, "transfer-encoding", .transferEncoding) }
            if end == c("o") { return check(name, "x-forwarded-proto", .xForwardedProto) }
        case 18 where end == c("e"): return check(name, "proxy-authenticate", .proxyAuthenticate)
        case 19 where end == c("n"): return check(name, "proxy-authorization", .proxyAuthorization)
        case 23 where end == c("t"): return check(name, "x-forwarded-client-cert", .xForwardedClientCert)
        default: break
        }
        return .other
    }

    @inline(__always)
    private static func c(_ scalar: Unicode.Scalar) -> UInt8 { UInt8(truncatingIfNeeded: scalar.value) }

    @inline(__always)
    private static func check(
        _ name: UnsafeRawBufferPointer,
        _ lower: StaticString,
        _ result: FieldName,
        or other: @autoclosure () -> FieldName = .other
    ) -> FieldName {
        // The caller has compared the lengths. Both are tokens, and among the bytes of tokens setting bit 5 makes only
        // letters equal that differ in nothing but case, as far as the names above go.
        let fold: UInt64 = 0x2020_2020_2020_2020
        let known = UnsafeRawPointer(lower.utf8Start)
        var i = 0
        while i + 8 <= name.count {
            let a = name.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            if a | fold != known.loadUnaligned(fromByteOffset: i, as: UInt64.self) | fold { return other() }
            i += 8
        }
        while i < name.count {
            if name[i] | 0x20 != lower.utf8Start[i] | 0x20 { return other() }
            i += 1
        }
        return result
    }
}
