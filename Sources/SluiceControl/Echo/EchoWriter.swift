import NIOCore
import SluiceCore
import SluiceHTTP

/// Writes one answer, no faster than it is read. Isolation: one loop.
final class EchoWriter {
    private let answer: EchoAnswer
    private let isHead: Bool
    /// The answer is the connection's last.
    let endsConnection: Bool
    /// HTTP/1.0 knows no chunks: there the end of the connection ends the body.
    private let isChunked: Bool
    private let minorVersion: UInt8
    private var description = ByteBuffer()
    private let done: () -> Void
    /// Bytes or chunks that are still to come.
    private var left: Int
    private var sent = 0
    private var isWaiting = false
    private var isOver = false

    init(_ answer: EchoAnswer, _ request: RequestHead, bodyBytes: Int, server: [UInt8], done: @escaping () -> Void) {
        self.answer = answer
        self.done = done
        isHead = request.method == .head
        minorVersion = request.minorVersion
        switch answer.body {
        case .description:
            EchoDescription.write(request, bodyBytes: bodyBytes, server: server, to: &description)
            left = 0
        case .none: left = 0
        case .bytes(let count, _), .chunks(let count): left = count
        }
        if case .chunks = answer.body {
            isChunked = minorVersion == 1
            endsConnection = !request.keepAlive || minorVersion == 0
        } else {
            isChunked = false
            endsConnection = !request.keepAlive
        }
    }

    func start(_ context: ChannelHandlerContext) {
        guard answer.delay > .zero else { return begin(context) }
        after(answer.delay, context) { [self] in begin(context) }
    }

    private func begin(_ context: ChannelHandlerContext) {
        var head = context.channel.allocator.buffer(capacity: 256 + description.readableBytes)
        head.writeString("HTTP/1.1 \(answer.status) \(ReasonPhrase.of(answer.status))\r\n")
        switch answer.body {
        case .description: head.writeString("Content-Length: \(description.readableBytes)\r\n")
        case .bytes(let count, _): head.writeString("Content-Length: \(count)\r\n")
        case .chunks: if isChunked { head.writeString("Transfer-Encoding: chunked\r\n") }
        case .none: break
        }
        if answer.body != .none { head.writeString("Content-Type: \(answer.contentType)\r\n") }
        if endsConnection {
            head.writeString("Connection: close\r\n")
        } else if minorVersion == 0 {
            head.writeString("Connection: keep-alive\r\n")
        }
        head.writeString("\r\n")
        if isHead {
            left = 0
        } else {
            head.writeBuffer(&description)
        }
        let isComplete = left == 0 && !(isChunked && !isHead)
        context.writeAndFlush(NIOAny(head), promise: nil)
        if isComplete { finish() } else { pump(context) }
    }

    /// Writes pieces while there is room.
    func pump(_ context: ChannelHandlerContext) {
        while !isWaiting, !isOver, context.channel.isWritable {
            guard left > 0 else {
                if isChunked { context.writeAndFlush(NIOAny(ByteBuffer(string: "0\r\n\r\n")), promise: nil) }
                return finish()
            }
            guard answer.pause > .zero else {
                context.writeAndFlush(NIOAny(nextPiece()), promise: nil)
                continue
            }
            isWaiting = true
            after(answer.pause, context) { [self] in
                isWaiting = false
                context.writeAndFlush(NIOAny(nextPiece()), promise: nil)
                pump(context)
            }
        }
    }

    private func nextPiece() -> ByteBuffer {
        switch answer.body {
        case .chunks:
            left -= 1
            sent += 1
            let line = "chunk \(sent)\n"
            guard isChunked else { return ByteBuffer(string: line) }
            return ByteBuffer(string: "\(String(line.utf8.count, radix: 16))\r\n\(line)\r\n")
        case .bytes(_, let piece):
            let count = min(left, piece)
            left -= count
            return count == EchoAnswer.pieceSize
                ? Self.fullPiece : ByteBuffer(repeating: UInt8(ascii: "x"), count: count)
        case .description, .none:
            left = 0
            return ByteBuffer()
        }
    }

    private static let fullPiece = ByteBuffer(repeating: UInt8(ascii: "x"), count: EchoAnswer.pieceSize)

    private func finish() {
        guard !isOver else { return }
        isOver = true
        done()
    }

    /// Calls `body` later, unless the connection is gone by then.
    private func after(_ delay: TimeAmount, _ context: ChannelHandlerContext, _ body: @escaping () -> Void) {
        context.eventLoop.assumeIsolated().scheduleTask(in: delay) { if context.channel.isActive { body() } }
    }
}
