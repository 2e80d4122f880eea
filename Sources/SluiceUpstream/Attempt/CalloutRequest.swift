package import NIOCore
package import SluiceCore

/// A request that the gateway makes for itself; see `Callout`.
package struct CalloutRequest: Sendable {
    /// A token; not CONNECT.
    package var method: [UInt8]
    /// Path and query as they go on the wire; begins with `/`.
    package var target: [UInt8]
    /// Further fields. Those that frame or route the message are taken out and written anew.
    package var fields = HeaderTable()
    package var body = ByteBuffer()
    /// The value of Host; nil: what the upstream's `host` says, its own where that is `preserve`.
    package var host: [UInt8]?
    /// For everything from the wait for a connection to the last byte of the answer.
    package var timeout = TimeAmount.seconds(5)
    /// Bytes of the answer's body; a longer one is a failure.
    package var answerLimit = 64 * 1024
    /// What a sticky choice is computed from.
    package var hash: UInt64?
    /// `passes` of the exchange that it is made for, so that a callout which leads back to this gateway, and to the filter
    /// that makes it, ends (`loop_detected`); nil: it is made for none.
    package var passes: UInt8?
    /// Says that trailers are understood, which servers of gRPC insist on.
    package var takesTrailers = false

    package init(_ method: StaticString = "GET", target: [UInt8]) {
        self.method = Array(UnsafeBufferPointer(start: method.utf8Start, count: method.utf8CodeUnitCount))
        self.target = target
    }

    /// Whether method, target and host can stand in a head without changing its meaning.
    var isSound: Bool {
        !method.isEmpty && method.allSatisfy(ASCII.isToken) && interned != .connect
            && target.first == UInt8(ascii: "/") && target.allSatisfy(ASCII.isTarget)
            && host?.allSatisfy(ASCII.isHost) != false
    }

    var interned: Method { method.withUnsafeBytes { Method.intern($0) } }

    /// Takes out what `write` and the connection answer for.
    mutating func removeOwnFields() {
        let own: [FieldName] = [
            .host, .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .upgrade, .te,
            .trailer, .expect, .http2Settings, .sluicePasses,
        ]
        for name in own { fields.remove(name) }
    }

    /// Writes the whole message.
    ///
    /// - Parameter leadsHome: the upstream is this gateway.
    mutating func write(to out: inout ByteBuffer, host: [UInt8], leadsHome: Bool) {
        out.writeBytes(method)
        out.writeInteger(UInt8(ascii: " "))
        out.writeBytes(target)
        out.writeStaticString(" HTTP/1.1\r\nHost: ")
        out.writeBytes(host)
        out.writeStaticString("\r\n")
        if takesTrailers { out.writeStaticString("TE: trailers\r\nConnection: TE\r\n") }
        if leadsHome, let passes {
            out.writeStaticString("Sluice-Passes: ")
            // One digit is all that is read.
            out.writeInteger(0x31 + min(passes, 8))
            out.writeStaticString("\r\n")
        }
        fields.write(to: &out)
        if announcesBody {
            out.writeStaticString("Content-Length: ")
            out.writeString(String(body.readableBytes))
            out.writeStaticString("\r\n")
        }
        out.writeStaticString("\r\n")
        out.writeImmutableBuffer(body)
    }

    /// RFC 9110, section 8.6: a length is also due where the method foresees a body and there is none.
    private var announcesBody: Bool {
        switch interned {
        case .post, .put, .patch: true
        default: body.readableBytes > 0
        }
    }
}

/// What came back.
package struct CalloutAnswer: Sendable {
    package var status: UInt16 = 0
    /// Without those that concern the connection only.
    package var fields = HeaderTable()
    package var body = ByteBuffer()
    /// What followed the body.
    package var trailers = HeaderTable()

    package init() {}
}
