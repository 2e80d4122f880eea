package import NIOCore
import NIOPosix
import SluiceConfig
package import SluiceCore
import SluiceHTTP

/// Health checks over sockets: TCP connects, or GET with a connection of its own.
///
/// A fresh connection each time, so that the check also finds an endpoint that accepts no more.
package final class SocketProber: Prober {
    private let shortage: ResourceShortage?
    private let shortages = Episode()

    /// - Parameter shortage: is told when the gateway itself is what has run out of something.
    package init(shortage: ResourceShortage? = nil) { self.shortage = shortage }

    package func probe(_ order: ProbeOrder, on loop: any EventLoop, done: @escaping (ProbeResult) -> Void) {
        let probe = Probe(order, done)
        let bound = NIOLoopBound(probe, eventLoop: loop)
        let deadline = loop.assumeIsolated().scheduleTask(in: order.timeout) { probe.finish(.timeout) }
        probe.cancelDeadline = { deadline.cancel() }
        ClientBootstrap(group: loop)
            .connectTimeout(order.timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(to: order.address)
            .assumeIsolated()
            .whenFailure { [shortage, shortages] error in
                guard let code = ConnectFailure.code(of: error), ResourceShortage.isMeant(by: code) else {
                    return probe.finish(.timeout)
                }
                shortage?.prevented("make health checks", code: code, in: shortages)
                probe.finish(.notMade)
            }
    }
}

/// One check under way. Isolation: the control loop.
private final class Probe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// An answer whose head is larger says of itself that something is wrong.
    private static let maximumHead = 32 * 1024

    private let order: ProbeOrder
    private var done: ((ProbeResult) -> Void)?
    var cancelDeadline: (() -> Void)?
    private var context: ChannelHandlerContext?
    private var input = ByteBuffer()
    private var parser = ResponseParser()
    private var head = ResponseHead()

    init(_ order: ProbeOrder, _ done: @escaping (ProbeResult) -> Void) {
        self.order = order
        self.done = done
    }

    func finish(_ result: ProbeResult) {
        cancelDeadline?()
        cancelDeadline = nil
        let report = done
        done = nil
        context?.close(promise: nil)
        report?(result)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        // Too late: the deadline passed while the connection was being made.
        guard done != nil else { return context.close(promise: nil) }
        guard case .http(let path, let host, _) = order.probe else { return finish(.success) }
        var request = context.channel.allocator.buffer(capacity: 256)
        request.writeString("GET \(path) HTTP/1.1\r\nHost: ")
        if let host { request.writeString(host) } else { request.writeBytes(order.hostField) }
        request.writeString("\r\nUser-Agent: sluice-health-check\r\nConnection: close\r\n\r\n")
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard done != nil, case .http(_, _, let statuses) = order.probe else { return }
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        while done != nil {
            let result = parser.parse(
                input,
                into: &head,
                requestMethod: .get,
                maximumHead: Self.maximumHead,
                maximumFields: 200
            )
            switch result {
            case .incomplete: return
            case .invalid: return finish(.failure)
            case .complete(let consumed):
                if head.status >= 200 {
                    let isExpected = statuses.contains { $0.contains(Int(head.status)) }
                    return finish(isExpected ? .success : .failure)
                }
                input.moveReaderIndex(forwardBy: consumed)
                parser.reset()
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { finish(.timeout) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(.timeout) }
}
