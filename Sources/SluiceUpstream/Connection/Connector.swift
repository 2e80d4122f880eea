package import NIOCore
import NIOPosix
package import SluiceCore
package import SluiceTLS

/// Opens connections; a protocol so that tests can do without sockets.
package protocol Connector: AnyObject {
    /// Opens a channel with `connection` as its only handler; `done` is called once, on the loop.
    func connect(
        _ connection: UpstreamConnection,
        to address: SocketAddress,
        on loop: LoopContext,
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    )
    /// A connection stood, and its TLS did not come about.
    func refused(_ failure: TLSFailure, at endpoint: LoopEndpoint)
}

extension Connector {
    package func refused(_ failure: TLSFailure, at endpoint: LoopEndpoint) {}
}

/// TCP and Unix sockets through SwiftNIO.
package final class SocketConnector: Connector {
    private let metrics: MetricShard
    private let shortage: ResourceShortage?
    private let own: OwnAddresses?
    private let log: @Sendable (String) -> Void

    /// - Parameters:
    ///   - metrics: where failures are counted.
    ///   - shortage: is told when the gateway itself is what has run out of something.
    ///   - own: where the gateway listens; nil: loops are not looked for.
    ///   - log: takes one line for operators, without a line end, on the loop.
    package init(
        metrics: MetricShard = MetricShard(),
        shortage: ResourceShortage? = nil,
        own: OwnAddresses? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.metrics = metrics
        self.shortage = shortage
        self.own = own
        self.log = log
    }

    package func connect(
        _ connection: UpstreamConnection,
        to address: SocketAddress,
        on loop: LoopContext,
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    ) {
        let bound = NIOLoopBound(connection, eventLoop: loop.loop)
        var bootstrap = ClientBootstrap(group: loop.loop)
            .connectTimeout(timeout)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.writeBufferWaterMark, value: .init(low: 32 * 1024, high: 64 * 1024))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
        if address.protocol != .unix {
            bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        bootstrap.connect(to: address).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let channel):
                connection.endpoint.leadsHome = own?.contains(address, local: channel.localAddress) == true
                connection.awaitReady(within: TimerWheel.ticks(nanoseconds: timeout.nanoseconds), done)
            case .failure(let error): done(failure(error, connection.endpoint))
            }
        }
    }

    package func refused(_ failure: TLSFailure, at endpoint: LoopEndpoint) {
        let upstream = String(decoding: endpoint.upstream.name, as: UTF8.self)
        metrics.counter(ConnectMetrics.failures, [upstream, failure.reason.rawValue]).increment()
        guard endpoint.state.refusals.begins(at: SystemClock.monotonic()) else { return }
        let address = String(decoding: endpoint.addressText, as: UTF8.self)
        log(
            "warning: no TLS with \(address) of upstream '\(upstream)': \(failure.text) (not said again while it lasts)"
        )
    }

    private func failure(_ error: any Error, _ endpoint: LoopEndpoint) -> GatewayError {
        let failure = ConnectFailure(error)
        let upstream = String(decoding: endpoint.upstream.name, as: UTF8.self)
        metrics.counter(ConnectMetrics.failures, [upstream, failure.rawValue]).increment()
        if case .exhausted = failure, let code = ConnectFailure.code(of: error) {
            let address = String(decoding: endpoint.addressText, as: UTF8.self)
            shortage?.prevented(
                "connect to \(address) of upstream '\(upstream)'",
                code: code,
                in: endpoint.state.shortages
            )
        }
        return failure.error
    }
}
