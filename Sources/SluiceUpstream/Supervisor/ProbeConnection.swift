import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceSockets
import SluiceTLS

/// The connection of one health check, over TLS or not, speaking HTTP/1.1 or HTTP/2. Isolation: the control loop.
final class ProbeConnection: SocketHandler {
    private let order: ProbeOrder
    private var done: ((ProbeResult) -> Void)?
    var cancelDeadline: (() -> Void)?
    /// Is told why there is no TLS.
    var whenRefused: ((TLSFailure) -> Void)?
    /// Who reads the answer; nil before there is something to be answered.
    private var call: (any ProbeCall)?

    init(_ order: ProbeOrder, _ done: @escaping (ProbeResult) -> Void) {
        self.order = order
        self.done = done
        super.init()
    }

    func finish(_ result: ProbeResult) {
        cancelDeadline?()
        cancelDeadline = nil
        let report = done
        done = nil
        closeChannel()
        report?(result)
    }

    /// The socket is connected.
    func connected() {
        // Too late: the deadline passed while the connection was being made.
        guard done != nil else { return closeChannel() }
        begin()
        if tls == nil { ask() }
    }

    override func secured() -> SocketHandler {
        ask()
        return self
    }

    override func securityFailed() {
        if let tlsFailure { whenRefused?(tlsFailure) }
        finish(.timeout)
    }

    private func ask() {
        guard done != nil, call == nil else { return }
        let speaksHTTP2 = tls.map { $0.negotiatedProtocol == Self.http2 } ?? order.transport.isHTTP2
        switch order.probe {
        case .tcp: return finish(.success)
        case .http where !speaksHTTP2: call = HTTP1ProbeCall(order)
        // A server that has chosen something else than HTTP/2 is none of gRPC.
        case .grpc where tls != nil && !speaksHTTP2: return finish(.failure)
        case .http, .grpc: call = HTTP2ProbeCall(order, isSecure: tls != nil)
        }
        goOn()
    }

    private static let http2 = Array("h2".utf8)

    override func received(_ bytes: inout ByteBuffer) {
        call?.received(&bytes)
        goOn()
    }

    private func goOn() {
        guard done != nil, let call else { return }
        var out = ByteBuffer()
        call.write(to: &out)
        if out.readableBytes > 0 { writeAndFlush(out) }
        if let result = call.result { finish(result) }
    }

    override func inputEnded() { finish(.timeout) }

    override func ended(reset: Bool) { finish(.timeout) }
}

/// One request of a health check and its answer: bytes in, bytes out.
protocol ProbeCall: AnyObject {
    /// nil: not known yet.
    var result: ProbeResult? { get }
    func received(_ bytes: inout ByteBuffer)
    func write(to out: inout ByteBuffer)
}

extension ProbeOrder {
    /// The Host field, or `:authority`.
    var host: [UInt8] {
        switch probe {
        case .http(_, let host?, _), .grpc(_, let host?): Array(host.utf8)
        case .http, .grpc, .tcp: hostField
        }
    }
}

/// GET over HTTP/1.1.
final class HTTP1ProbeCall: ProbeCall {
    /// An answer whose head is larger says of itself that something is wrong.
    private static let maximumHead = 32 * 1024

    private let order: ProbeOrder
    private(set) var result: ProbeResult?
    private var isAsked = false
    private var input = ByteBuffer()
    private var parser = ResponseParser()
    private var head = ResponseHead()

    init(_ order: ProbeOrder) { self.order = order }

    func write(to out: inout ByteBuffer) {
        guard !isAsked, case .http(let path, _, _) = order.probe else { return }
        isAsked = true
        out.writeString("GET \(path) HTTP/1.1\r\nHost: ")
        out.writeBytes(order.host)
        out.writeString("\r\nUser-Agent: sluice-health-check\r\nConnection: close\r\n\r\n")
    }

    func received(_ bytes: inout ByteBuffer) {
        guard case .http(_, _, let statuses) = order.probe else { return }
        input.writeBuffer(&bytes)
        while result == nil {
            let parsed = parser.parse(
                input,
                into: &head,
                requestMethod: .get,
                maximumHead: Self.maximumHead,
                maximumFields: 200
            )
            switch parsed {
            case .incomplete: return
            case .invalid: result = .failure
            case .complete(let consumed):
                if head.status >= 200 {
                    result = statuses.contains { $0.contains(Int(head.status)) } ? .success : .failure
                }
                input.moveReaderIndex(forwardBy: consumed)
                parser.reset()
            }
        }
    }
}
