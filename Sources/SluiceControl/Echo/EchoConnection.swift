import NIOCore
import SluiceCore
import SluiceHTTP

/// One connection of the echo server.
///
///     head -> body -> answering -> head | closed
///          -> upgraded -> closed
///
/// While an answer is under way nothing is read, so neither a slow reader nor an eager writer makes it hold much.
/// Isolation: its loop.
final class EchoConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase { case head, body, answering, upgraded, closed }

    private let name: [UInt8]
    private var phase = Phase.head
    private var input = ByteBuffer()
    private var parser = RequestParser()
    private var request = RequestHead()
    private var decoder = BodyDecoder()
    private var bodyBytes = 0
    private var writer: EchoWriter?
    private var upgrade: EchoUpgrade?
    private var isProcessing = false
    private var readIsPending = false
    private var inputHasEnded = false

    init(name: [UInt8]) { self.name = name }

    // MARK: - Channel events

    func read(context: ChannelHandlerContext) {
        if phase == .answering { readIsPending = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        process(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { writer?.pump(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed? = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
        inputHasEnded = true
        if phase != .answering { end(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        writer = nil
        upgrade = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        phase = .closed
        context.close(promise: nil)
    }

    // MARK: - Requests

    private func process(_ context: ChannelHandlerContext) {
        // An answer that ends at once comes back here; the loop below goes on instead.
        guard !isProcessing else { return }
        isProcessing = true
        while input.readableBytes > 0, step(context) {}
        isProcessing = false
        // What is not whole by now never will be.
        if inputHasEnded, phase == .head || phase == .body { end(context) }
    }

    /// - Returns: whether to go on.
    private func step(_ context: ChannelHandlerContext) -> Bool {
        switch phase {
        case .head: return parseHead(context)
        case .body: return decodeBody(context)
        case .answering, .closed: return false
        case .upgraded:
            let bytes = input
            input.clear()
            if upgrade?.received(bytes, context) == false { end(context) }
            return true
        }
    }

    /// - Returns: whether to go on.
    private func parseHead(_ context: ChannelHandlerContext) -> Bool {
        switch parser.parse(input, into: &request, limits: RequestParser.Limits()) {
        case .incomplete: return false
        case .invalid(let error):
            refuse(error, context)
            return false
        case .complete(let consumed):
            input.moveReaderIndex(forwardBy: consumed)
            parser.reset()
            if let upgrade = EchoUpgrade(request) {
                self.upgrade = upgrade
                phase = .upgraded
                context.writeAndFlush(wrapOutboundOut(upgrade.answer), promise: nil)
                return true
            }
            bodyBytes = 0
            decoder.start(request.framing)
            guard !decoder.isDone else {
                answer(context)
                return true
            }
            phase = .body
            if request.expectsContinue {
                context.writeAndFlush(
                    wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")),
                    promise: nil
                )
            }
            return true
        }
    }

    /// - Returns: whether to go on.
    private func decodeBody(_ context: ChannelHandlerContext) -> Bool {
        while true {
            switch decoder.next(&input) {
            case .data(let piece): bodyBytes += piece.readableBytes
            case .end:
                answer(context)
                return true
            case .needMore: return false
            case .invalid(let error):
                refuse(error, context)
                return false
            }
            if decoder.isDone {
                answer(context)
                return true
            }
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        phase = .answering
        let writer = EchoWriter(EchoAnswer(request), request, bodyBytes: bodyBytes, server: name) { [weak self] in
            self?.answered(context)
        }
        self.writer = writer
        writer.start(context)
    }

    private func answered(_ context: ChannelHandlerContext) {
        guard phase == .answering else { return }
        let isLast = writer?.endsConnection ?? true
        writer = nil
        guard !isLast else { return end(context) }
        phase = .head
        process(context)
        if phase != .answering, readIsPending {
            readIsPending = false
            context.read()
        }
    }

    private func refuse(_ error: GatewayError, _ context: ChannelHandlerContext) {
        let status = "\(error.status) \(ReasonPhrase.of(error.status))"
        let text = "\(error.message)\n"
        let head = "HTTP/1.1 \(status)\r\nContent-Type: text/plain\r\nContent-Length: \(text.utf8.count)\r\n"
        context.write(wrapOutboundOut(ByteBuffer(string: "\(head)Connection: close\r\n\r\n\(text)")), promise: nil)
        end(context)
    }

    /// Sends what is queued, then closes.
    private func end(_ context: ChannelHandlerContext) {
        guard phase != .closed else { return }
        phase = .closed
        upgrade = nil
        input.clear()
        let done = context.eventLoop.makePromise(of: Void.self)
        done.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: done)
    }
}
