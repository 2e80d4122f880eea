import NIOCore
import SluiceCore
import SluiceFilters
import SluiceHTTP

/// The connection of one fetch: sends the request, puts the answer together.
///
/// Isolation: the fetcher's loop.
final class FetchConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Event {
        /// The request is on its way.
        case connected
        case finished(FetchAnswer)
        case failed(String)
    }

    private static let maximumHead = 64 * 1024
    private static let maximumFields = 200
    /// More of them than any server sends.

    private let request: FetchRequest
    private var report: ((Event) -> Void)?
    private var context: ChannelHandlerContext?
    /// The connection was made, so that failures from here on are reported by this handler.
    private(set) var hasBegun = false
    private var sawBytes = false
    private var interimCount = 0

    private var input = ByteBuffer()
    private var parser = ResponseParser()
    private var head = ResponseHead()
    private var decoder = BodyDecoder()
    private var isInBody = false
    private var answer = FetchAnswer(status: 0)

    init(_ request: FetchRequest, _ report: @escaping (Event) -> Void) {
        self.request = request
        self.report = report
    }

    /// Nobody waits for the answer any more.
    func abandon() {
        report = nil
        context?.close(promise: nil)
    }

    private func end(_ event: Event) {
        let last = report
        abandon()
        last?(event)
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        hasBegun = true
        // Too late: the time ran out while the connection was being made.
        guard report != nil else { return context.close(promise: nil) }
        var out = context.channel.allocator.buffer(capacity: 1024 + request.body.count)
        FetchHead.write(request, to: &out)
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        report?(.connected)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard report != nil else { return }
        sawBytes = true
        var bytes = unwrapInboundIn(data)
        input.writeBuffer(&bytes)
        while report != nil, !isInBody {
            guard parseHead() else { return }
        }
        readBody()
        input.discardReadBytes()
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard report != nil else { return }
        if isInBody, decoder.endsAtClose { return end(.finished(answer)) }
        end(.failed(sawBytes ? "the answer was cut off" : "the connection was closed without an answer"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        hasBegun = true
        end(.failed(FetchWords.connection(error, to: request.url, sawBytes: sawBytes)))
    }

    // MARK: - Answer

    /// - Returns: false when more bytes are needed, or all is over.
    private func parseHead() -> Bool {
        let result = parser.parse(
            input,
            into: &head,
            requestMethod: Method.of(request.method),
            maximumHead: Self.maximumHead,
            maximumFields: Self.maximumFields
        )
        switch result {
        case .incomplete: return false
        case .invalid(let error):
            end(.failed(error == .upstreamHeadTooLarge ? "the head of the answer is too large" : "no HTTP answer"))
            return false
        case .complete(let consumed):
            input.moveReaderIndex(forwardBy: consumed)
            guard head.status >= 200 else { return skipInterim() }
            return begin()
        }
    }

    private func skipInterim() -> Bool {
        interimCount += 1
        guard head.status != 101, interimCount <= ResponseHead.interimLimit else {
            end(.failed("no HTTP answer"))
            return false
        }
        parser.reset()
        return true
    }

    private func begin() -> Bool {
        isInBody = true
        answer.status = Int(head.status)
        answer.fields = head.fields.entries.lazy.filter { !$0.isRemoved }.map {
            (name: self.head.fields.string($0.nameRange), value: self.head.fields.string($0.valueRange))
        }
        decoder.start(head.framing)
        if case .length(let count) = head.framing, count > UInt64(request.answerLimit) {
            tooLarge()
            return false
        }
        return true
    }

    private func readBody() {
        while report != nil, isInBody {
            switch decoder.next(&input) {
            case .data(let piece):
                guard answer.body.count + piece.readableBytes <= request.answerLimit else { return tooLarge() }
                answer.body.append(contentsOf: piece.readableBytesView)
            case .end: return end(.finished(answer))
            case .needMore: return
            case .invalid: return end(.failed("the answer is framed wrongly"))
            }
        }
    }

    private func tooLarge() { end(.failed("the answer is larger than \(request.answerLimit) bytes")) }
}

extension Method {
    fileprivate static func of(_ text: String) -> Method { Array(text.utf8).withUnsafeBytes { Method.intern($0) } }
}
