import NIOCore
import NIOPosix
import NIOSSL
import SluiceTesting

/// A TLS server that answers every connection with the same bytes, once something was asked, and then ends it.
final class FetchServer {
    let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    /// - Parameter closesProperly: whether the end of TLS is announced, as it should be.
    init(_ identity: TestCertificates.Identity, answer: String, closesProperly: Bool = true) throws {
        let context = try identity.serverContext()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        channel = try ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Raw())
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.addHandler(Answer(answer, closesProperly: closesProperly))
                }
            }
            .bind(host: "127.0.0.1", port: 0)
            .wait()
        guard let port = channel.localAddress?.port else { throw TestFailure("the server has no port") }
        self.port = port
    }

    func stop() throws { try group.syncShutdownGracefully() }

    /// In front of TLS, where a connection can be cut without a word.
    private final class Raw: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
    }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let text: String
        private let closesProperly: Bool
        private var hasAnswered = false

        init(_ text: String, closesProperly: Bool) {
            self.text = text
            self.closesProperly = closesProperly
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !hasAnswered else { return }
            hasAnswered = true
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            let closesProperly = closesProperly
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in
                let context = bound.value
                if closesProperly { return context.close(promise: nil) }
                guard let raw = try? context.pipeline.syncOperations.context(handlerType: Raw.self) else { return }
                raw.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
