import NIOCore
import NIOPosix
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceSockets
import Testing

@testable import SluiceUpstream

/// Health checks over HTTP/2: what is asked, and what the answers mean.
@Suite struct GRPCProbeTests {
    /// What a server answers with.
    struct Answer: Sendable {
        var status: UInt16 = 200
        var fields: [String] = ["content-type: application/grpc"]
        var body: [UInt8] = [0, 0, 0, 0, 2, 8, 1]
        var trailers: [String] = ["grpc-status: 0"]
    }

    private func probe(
        _ answer: Answer,
        _ probe: HealthCheckModel.Probe = .grpc(service: "", host: nil),
        change: @escaping @Sendable (inout ProbeOrder) -> Void = { _ in }
    ) async throws -> (result: ProbeResult, received: [String]) {
        let group = MultiThreadedEventLoopGroup.singleton
        let received = LineLog()
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HealthServer(answer, received))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer { channel.close(promise: nil) }
        let address = try #require(channel.localAddress)
        let loop = try SocketLoop.start(name: "prober")
        defer { loop.stop() }
        let result = try await loop.flatSubmit {
            let promise = loop.makePromise(of: ProbeResult.self)
            var order = ProbeOrder(
                address: address,
                hostField: Array("app.test:81".utf8),
                probe: probe,
                timeout: .seconds(30)
            )
            order.transport.isHTTP2 = true
            change(&order)
            SocketProber(loop: loop).probe(order) { promise.succeed($0) }
            return promise.futureResult
        }.get()
        return (result, received.text)
    }

    @Test("the call, and who it asks for")
    func request() async throws {
        let all = try await probe(Answer())
        #expect(all.result == .success)
        #expect(all.received.contains(":method: POST") && all.received.contains(":path: /grpc.health.v1.Health/Check"))
        #expect(all.received.contains(":authority: app.test:81") && all.received.contains(":scheme: http"))
        #expect(all.received.contains("content-type: application/grpc") && all.received.contains("te: trailers"))
        #expect(all.received.contains("body [0, 0, 0, 0, 0]"))
        let one = try await probe(Answer(), .grpc(service: "a.B", host: "other.test"))
        #expect(one.received.contains("body [0, 0, 0, 0, 5, 10, 3, 97, 46, 66]"))
        #expect(one.received.contains(":authority: other.test"))
    }

    static let answers: [(Answer, ProbeResult)] = [
        (Answer(body: [0, 0, 0, 0, 2, 8, 1]), .success),
        // Unknown fields around the status.
        (Answer(body: [0, 0, 0, 0, 7, 0x12, 1, 65, 8, 1, 0x18, 5]), .success),
        // NOT_SERVING, UNKNOWN by default, SERVICE_UNKNOWN.
        (Answer(body: [0, 0, 0, 0, 2, 8, 2]), .failure), (Answer(body: [0, 0, 0, 0, 0]), .failure),
        (Answer(body: [0, 0, 0, 0, 2, 8, 3]), .failure),
        // Compressed though nobody asked for that, too short, too long, two messages, no frame.
        (Answer(body: [1, 0, 0, 0, 2, 8, 1]), .failure), (Answer(body: [0, 0, 0, 0, 3, 8, 1]), .failure),
        (Answer(body: [0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 1]), .failure), (Answer(body: [8, 1]), .failure),
        (Answer(body: [0, 0, 0, 0, 2, 8, 0x81]), .failure), (Answer(body: [0, 0, 0, 0, 3, 0x12, 255, 1]), .failure),
        (Answer(body: [0, 0, 0, 0x20, 0] + [UInt8](repeating: 0, count: 0x2000)), .failure),
        // The call itself failed.
        (Answer(trailers: ["grpc-status: 12"]), .failure), (Answer(trailers: ["x: y"]), .failure),
        (Answer(fields: ["content-type: application/grpc", "grpc-status: 5"], body: [], trailers: []), .failure),
        (Answer(status: 503), .failure),
    ]

    @Test("what the server says", arguments: answers)
    func judges(answer: Answer, expected: ProbeResult) async throws {
        #expect(try await probe(answer).result == expected)
    }

    @Test("a check by path asks over HTTP/2 where the upstream speaks that")
    func path() async throws {
        let probe = HealthCheckModel.Probe.http(path: "/up", host: nil, statuses: [200...299])
        let good = try await self.probe(Answer(status: 204, fields: [], body: [], trailers: []), probe)
        #expect(
            good.result == .success && good.received.contains(":path: /up") && good.received.contains(":method: GET")
        )
        let bad = try await self.probe(Answer(status: 500, fields: [], body: [], trailers: []), probe)
        #expect(bad.result == .failure)
    }

    @Test("a server of HTTP/1 has nothing to say")
    func otherProtocol() async throws {
        let probed = try await probe(Answer(status: 0))
        #expect(probed.result == .failure)
    }

    @Test("the PROXY protocol header comes first, and names nobody")
    func proxyProtocol() async throws {
        let probed = try await probe(Answer(status: 0)) { $0.transport.proxyProtocol = .v1 }
        #expect(probed.received.first?.hasPrefix("raw PROXY UNKNOWN\r\nPRI * HTTP/2.0") == true)
    }

    @Test("without what secures its connection no check is made")
    func withoutSecurity() throws {
        let kit = SupervisorKit()
        var model = Make.upstream("app", Make.ip("10.0.0.1"))
        model.healthCheck = HealthCheckModel(probe: .grpc(service: "", host: nil))
        model.version = .http2
        kit.apply(model)
        #expect(kit.prober.open.map(\.order.transport.isHTTP2) == [true])
        var secure = Make.upstream("secure", Make.ip("10.0.0.2"))
        secure.healthCheck = model.healthCheck
        secure.tls = UpstreamTLSModel(place: .builtIn)
        kit.apply(model, secure)
        #expect(kit.prober.open.count == 1)
        #expect(kit.supervision.report().last?.endpoints.map(\.health) == [.unknown])
    }
}

/// Serves one connection of HTTP/2. A status of 0: it answers in HTTP/1 whatever comes.
private final class HealthServer: ChannelInboundHandler, HTTP2Delegate {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: GRPCProbeTests.Answer
    private let received: LineLog
    private var session: HTTP2Session?
    private var body: [UInt8] = []

    init(_ answer: GRPCProbeTests.Answer, _ received: LineLog) {
        self.answer = answer
        self.received = received
        session = HTTP2Session(role: .server, settings: HTTP2Settings(), delegate: self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard answer.status > 0 else {
            body += Array(buffer: bytes)
            let text = String(decoding: body, as: UTF8.self)
            guard text.contains("PRI * HTTP/2.0") else { return }
            received.write("raw \(text)")
            body = []
            return context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 400 Bad\r\n\r\n")), promise: nil)
        }
        _ = bytes.withUnsafeReadableBytes { session?.receive($0, now: 0) }
        var out = ByteBuffer()
        session?.produce(into: &out, limit: 1 << 20)
        if out.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(out), promise: nil) }
    }

    func headersBegan(_ stream: Int32, _ kind: HTTP2HeadersKind) {}

    func field(_ stream: Int32, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        received.write("\(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))")
        return true
    }

    func headersEnded(_ stream: Int32, endStream: Bool) {}
    func headersTooLarge(_ stream: Int32, endStream: Bool) {}
    func data(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) { body += bytes }

    func streamEnded(_ stream: Int32) {
        received.write("body \(body)")
        var fields = HTTP2FieldList()
        fields.status(answer.status)
        for line in answer.fields { fields.lines.writeString("\(line)\r\n") }
        _ = session?.submitAnswer(stream, &fields, endStream: answer.body.isEmpty && answer.trailers.isEmpty)
    }

    func pullData(_ stream: Int32, upTo: Int) -> HTTP2Body {
        guard !answer.trailers.isEmpty else { return .last(ByteBuffer(bytes: answer.body)) }
        var fields = HTTP2FieldList()
        for line in answer.trailers { fields.lines.writeString("\(line)\r\n") }
        _ = session?.submitTrailers(stream, &fields)
        return .lastBeforeTrailers(ByteBuffer(bytes: answer.body))
    }

    func streamInvalid(_ stream: Int32) {}
    func streamClosed(_ stream: Int32, errorCode: HTTP2ErrorCode) {}
    func goAwayReceived(lastStream: Int32, errorCode: HTTP2ErrorCode) {}
    func pingAcked(_ payload: UInt64) {}
    func settingsReceived() {}
}
