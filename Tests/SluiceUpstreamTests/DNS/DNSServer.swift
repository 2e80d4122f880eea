import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

@testable import SluiceUpstream

/// A DNS server for tests: UDP and TCP on one free port of loopback, answers by a closure.
final class DNSServer: Sendable {
    /// What to send back for a question; nil: nothing at all.
    typealias Answers = @Sendable (DNSWire.Question, _ isTCP: Bool) -> [UInt8]?

    let port: Int
    private let udp: any Channel
    private let tcp: any Channel
    private let seen: NIOLockedValueBox<[DNSWire.Question]>

    /// Every question so far, in order.
    var questions: [DNSWire.Question] { seen.withLockedValue { $0 } }

    var configuration: DNSResolver.Configuration {
        var configuration = DNSResolver.Configuration()
        configuration.servers = ["127.0.0.1:\(port)"]
        // Long: what a busy machine answers late is not to count as silence.
        configuration.timeout = .seconds(20)
        configuration.tries = 1
        configuration.searchDomains = []
        configuration.hostsFile = "/nonexistent"
        return configuration
    }

    static func start(_ answers: @escaping Answers) async throws -> DNSServer {
        // The port that UDP gets may be taken for TCP.
        for _ in 0..<20 {
            if let server = try await attempt(answers) { return server }
        }
        throw DNSError.noResources
    }

    private static func attempt(_ answers: @escaping Answers) async throws -> DNSServer? {
        let seen = NIOLockedValueBox<[DNSWire.Question]>([])
        let reply: @Sendable ([UInt8], Bool) -> [UInt8]? = { query, isTCP in
            guard let question = DNSWire.Question(query: query) else { return nil }
            seen.withLockedValue { $0.append(question) }
            return answers(question, isTCP)
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let udp = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(UDPHandler(reply))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = udp.localAddress?.port else { throw DNSError.noResources }
        do {
            let tcp = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(TCPHandler(reply))
                    }
                }
                .bind(host: "127.0.0.1", port: port).get()
            return DNSServer(port: port, udp: udp, tcp: tcp, seen: seen)
        } catch {
            try await udp.close()
            return nil
        }
    }

    private init(port: Int, udp: any Channel, tcp: any Channel, seen: NIOLockedValueBox<[DNSWire.Question]>) {
        self.port = port
        self.udp = udp
        self.tcp = tcp
        self.seen = seen
    }

    func stop() async throws {
        try await udp.close()
        try await tcp.close()
    }

    private final class UDPHandler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>

        private let reply: @Sendable ([UInt8], Bool) -> [UInt8]?

        init(_ reply: @escaping @Sendable ([UInt8], Bool) -> [UInt8]?) { self.reply = reply }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let query = unwrapInboundIn(data)
            guard let bytes = reply(Array(query.data.readableBytesView), false) else { return }
            let answer = AddressedEnvelope(remoteAddress: query.remoteAddress, data: ByteBuffer(bytes: bytes))
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
    }

    /// Two bytes of length before each message (RFC 1035, section 4.2.2).
    private final class TCPHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let reply: @Sendable ([UInt8], Bool) -> [UInt8]?
        private var received = ByteBuffer()

        init(_ reply: @escaping @Sendable ([UInt8], Bool) -> [UInt8]?) { self.reply = reply }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var chunk = unwrapInboundIn(data)
            received.writeBuffer(&chunk)
            while let query = received.readLengthPrefixedSlice(as: UInt16.self) {
                guard let bytes = reply(Array(query.readableBytesView), true) else { continue }
                var buffer = ByteBuffer(integer: UInt16(bytes.count))
                buffer.writeBytes(bytes)
                context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            }
        }
    }
}
