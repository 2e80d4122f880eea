import Glibc
import NIOCore
import NIOPosix
import SluiceConfig
import SluiceCore
import SluiceSockets
import Testing

@testable import SluiceUpstream

/// Checks over real sockets against a server that sends a fixed text.
@Suite struct SocketProberTests {
    /// What the server does with a connection.
    enum Server: Sendable {
        case answers(String)
        case closes
        case stays
    }

    private static let http = HealthCheckModel.Probe.http(
        path: "/healthz",
        host: nil,
        statuses: [200...299, 401...401]
    )

    private func probe(
        _ server: Server,
        _ probe: HealthCheckModel.Probe = Self.http,
        timeout: TimeAmount = .seconds(30)
    ) async throws -> (result: ProbeResult, received: String) {
        let group = MultiThreadedEventLoopGroup.singleton
        let received = LineLog()
        let channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Scripted(server, received))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer { channel.close(promise: nil) }
        let address = try #require(channel.localAddress)
        let order = ProbeOrder(address: address, hostField: Array("app.test:81".utf8), probe: probe, timeout: timeout)
        let loop = try SocketLoop.start(name: "prober")
        defer { loop.stop() }
        let result = try await loop.flatSubmit {
            let promise = loop.makePromise(of: ProbeResult.self)
            SocketProber(loop: loop).probe(order) { promise.succeed($0) }
            return promise.futureResult
        }.get()
        return (result, received.text.joined())
    }

    private final class Scripted: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let server: Server
        private let received: LineLog

        init(_ server: Server, _ received: LineLog) {
            self.server = server
            self.received = received
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received.write(String(buffer: unwrapInboundIn(data)))
            switch server {
            case .answers(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .closes: context.close(promise: nil)
            case .stays: break
            }
        }
    }

    @Test(
        "the answer decides",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ProbeResult.success),
            ("HTTP/1.1 204 No Content\r\n\r\n", .success),
            ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 1000\r\n\r\n", .success),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .success),
            ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", .failure),
            ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", .failure),
            ("SSH-2.0-OpenSSH_9.2\r\n", .failure),
            ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 40_000), .failure),
        ]
    )
    func answers(text: String, expected: ProbeResult) async throws {
        #expect(try await probe(.answers(text)).result == expected)
    }

    @Test("the request names path, host and who asks, and asks for one answer only")
    func request() async throws {
        let seen = try await probe(.answers("HTTP/1.1 200 OK\r\n\r\n")).received
        #expect(
            seen
                == "GET /healthz HTTP/1.1\r\nHost: app.test:81\r\nUser-Agent: sluice-health-check\r\nConnection: close\r\n\r\n"
        )
        let named = HealthCheckModel.Probe.http(path: "/up?x=1", host: "other.test", statuses: [200...200])
        let other = try await probe(.answers("HTTP/1.1 200 OK\r\n\r\n"), named).received
        #expect(other.hasPrefix("GET /up?x=1 HTTP/1.1\r\nHost: other.test\r\n"))
    }

    @Test("no answer is no answer: closed or silent")
    func noAnswer() async throws {
        #expect(try await probe(.closes).result == .timeout)
        #expect(try await probe(.stays, timeout: .milliseconds(50)).result == .timeout)
        #expect(try await probe(.answers("HTTP/1.1 200 OK\r\n"), timeout: .milliseconds(50)).result == .timeout)
    }

    @Test("a check for which the gateway has no descriptor is not made, and the operator told once")
    func withoutDescriptors() async {
        await #expect(processExitsWith: .success) {
            let loop = try SocketLoop.start(name: "prober")
            let lines = LineLog()
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: 9)
            Descriptors.take()
            let results = try await loop.flatSubmit {
                let prober = SocketProber(loop: loop, shortage: ResourceShortage(log: lines.write))
                let checks = [HealthCheckModel.Probe.tcp, Self.http].map { probe in
                    let promise = loop.makePromise(of: ProbeResult.self)
                    let order = ProbeOrder(address: address, hostField: [], probe: probe, timeout: .seconds(30))
                    prober.probe(order) { promise.succeed($0) }
                    return promise.futureResult
                }
                return EventLoopFuture.whenAllSucceed(checks, on: loop)
            }.get()
            guard results == [.notMade, .notMade] else { exit(1) }
            let told = "cannot make health checks: Too many open files (EMFILE)"
            exit(lines.text.count == 1 && lines.text[0].hasPrefix(told) ? 0 : 2)
        }
    }

    @Test("a TCP check passes when the connection is made, and fails when nobody listens")
    func tcp() async throws {
        #expect(try await probe(.stays, .tcp).result == .success)
        let group = MultiThreadedEventLoopGroup.singleton
        let channel = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(channel.localAddress)
        try await channel.close()
        let loop = try SocketLoop.start(name: "prober")
        defer { loop.stop() }
        for probe in [HealthCheckModel.Probe.tcp, Self.http] {
            let order = ProbeOrder(address: address, hostField: [], probe: probe, timeout: .seconds(30))
            let result = try await loop.flatSubmit {
                let promise = loop.makePromise(of: ProbeResult.self)
                SocketProber(loop: loop).probe(order) { promise.succeed($0) }
                return promise.futureResult
            }.get()
            #expect(result == .timeout)
        }
    }
}
