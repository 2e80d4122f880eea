import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceSockets

/// What may come before the first request: who the client is, and that it speaks HTTP/2.
extension HTTP1Connection {
    /// Only proxies that are trusted may say who the client is.
    func expectProxyHeader() {
        guard listener.proxyProtocol != .off else { return }
        guard peer.address.map(listener.trusts) ?? true else {
            if listener.proxyProtocol == .require { intercepts = true }
            return
        }
        intercepts = true
    }

    /// Reads the header in front of everything else.
    ///
    /// - Returns: whether it is whole; `bytes` are then those behind it.
    func takesProxyHeader(_ bytes: inout ByteBuffer) -> Bool {
        held.writeBuffer(&bytes)
        let isTrusted = peer.address.map(listener.trusts) ?? true
        switch isTrusted ? held.withUnsafeReadableBytes(ProxyHeader.parse) : .invalid {
        case .incomplete: return false
        case .none where listener.proxyProtocol == .accept: break
        case .none, .invalid:
            worker.metrics.count(.badProxyHeader)
            abort()
            return false
        case .complete(let count, let ends):
            held.moveReaderIndex(forwardBy: count)
            if let ends {
                peer = PeerAddress(ends.source, port: ends.sourcePort, isSecure: peer.isSecure)
            }
        }
        intercepts = false
        swap(&bytes, &held)
        held = ByteBuffer()
        return true
    }

    /// Compares the first bytes of the connection with those of HTTP/2 with prior knowledge (RFC 9113, section 3.3).
    ///
    /// - Returns: whether they are taken care of: by HTTP/2 or by waiting for more of them.
    func waitsForPreface(_ bytes: inout ByteBuffer) -> Bool {
        let count = min(bytes.readableBytes, Self.preface.count)
        let isPreface = bytes.withUnsafeReadableBytes { $0[..<count].elementsEqual(Self.preface[..<count]) }
        mayBeHTTP2 = isPreface && count < Self.preface.count
        guard isPreface else { return false }
        if mayBeHTTP2 {
            input = bytes
        } else {
            becomeHTTP2().received(&bytes)
        }
        return true
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Goes on as another object.
    func becomeHTTP2() -> HTTP2Connection {
        phase = .closed
        wheel.remove(self)
        let next = HTTP2Connection(worker: worker, listener: listener, peer: peer)
        worker.replaced(self, by: next)
        handOver(to: next)
        return next
    }
}
