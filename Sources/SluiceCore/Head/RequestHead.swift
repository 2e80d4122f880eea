/// How the length of a message body is known (RFC 9112, section 6).
package enum BodyFraming: Equatable, Sendable {
    case none
    case length(UInt64)
    case chunked
    /// Only responses: the body ends when the connection does.
    case untilClose
}

/// Methods the gateway tells apart; any other token is `.other` and is forwarded all the same.
///
/// `public` only because comparing a `package` enum in another target goes through a witness table.
public enum Method: UInt8, Sendable {
    case get, head, post, put, delete, options, patch, connect, trace, other

    /// RFC 9110, section 9.2.2, CONNECT and unknown methods left out.
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// Methods are case-sensitive (RFC 9110, section 9.1).
    package static func intern(_ bytes: UnsafeRawBufferPointer) -> Method {
        func equals(_ text: StaticString) -> Bool {
            guard bytes.count == text.utf8CodeUnitCount else { return false }
            for i in 0..<bytes.count where bytes[i] != text.utf8Start[i] { return false }
            return true
        }
        switch bytes.count {
        case 3: return equals("GET") ? .get : equals("PUT") ? .put : .other
        case 4: return equals("POST") ? .post : equals("HEAD") ? .head : .other
        case 5: return equals("PATCH") ? .patch : equals("TRACE") ? .trace : .other
        case 6: return equals("DELETE") ? .delete : .other
        case 7: return equals("OPTIONS") ? .options : equals("CONNECT") ? .connect : .other
        default: return .other
        }
    }
}

/// The head of a request: interned facts, and ranges into the bytes of its header table.
///
/// `path` is the normalised path that routes match and the upstream sees; `query` has no `?`. `authority` is the host
/// of an absolute-form target or of the Host field, port included; `host` is its lower-case form without port.
package struct RequestHead: Sendable {
    package var fields = HeaderTable()
    package var method = Method.get
    package var methodRange = ByteRange.empty
    /// The target as received.
    package var target = ByteRange.empty
    package var path = ByteRange.empty
    package var query: ByteRange?
    package var authority = ByteRange.empty
    package var host = ByteRange.empty
    /// 0 or 1: HTTP/1.0 or HTTP/1.1.
    package var minorVersion: UInt8 = 1
    /// It came over HTTP/2; `minorVersion` is 1 then.
    package var isHTTP2 = false
    package var framing = BodyFraming.none
    /// Whether the connection may be used again after this request, as far as the client says.
    package var keepAlive = true
    package var expectsContinue = false
    /// Upgrade is asked for: `Connection: upgrade` and an Upgrade field.
    package var wantsUpgrade = false
    /// `OPTIONS *`.
    package var isAsterisk = false
    /// `Connection` names further fields, which belong to the connection too.
    package var nominatesFields = false

    package init() {}

    /// Forgets everything but keeps the memory of the table.
    package mutating func reset() {
        fields.reset()
        method = .get
        methodRange = .empty
        target = .empty
        path = .empty
        query = nil
        authority = .empty
        host = .empty
        minorVersion = 1
        isHTTP2 = false
        framing = .none
        keepAlive = true
        expectsContinue = false
        wantsUpgrade = false
        isAsterisk = false
        nominatesFields = false
    }
}

/// The head of a response.
package struct ResponseHead: Sendable {
    /// Interim answers (1xx) that one request may get. Those who send them for as long as they work (102) do so every few
    /// seconds; an upstream that sends more means nothing good by them.
    package static let interimLimit = 100

    package var fields = HeaderTable()
    package var status: UInt16 = 200
    package var reason = ByteRange.empty
    package var minorVersion: UInt8 = 1
    package var framing = BodyFraming.none
    package var keepAlive = true
    /// `Connection` names further fields, which belong to the connection too.
    package var nominatesFields = false

    package init() {}

    /// Forgets everything but keeps the memory of the table.
    package mutating func reset() {
        fields.reset()
        nominatesFields = false
        status = 200
        reason = .empty
        minorVersion = 1
        framing = .none
        keepAlive = true
    }
}
