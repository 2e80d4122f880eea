package import NIOCore
import NIOPosix
package import SluiceCore

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
}

/// TCP and Unix sockets through SwiftNIO.
package final class SocketConnector: Connector {
    private let metrics: MetricShard
    private let shortage: ResourceShortage?

    /// - Parameters:
    ///   - metrics: where failures are counted.
    ///   - shortage: is told when the gateway itself is what has run out of something.
    package init(metrics: MetricShard = MetricShard(), shortage: ResourceShortage? = nil) {
        self.metrics = metrics
        self.shortage = shortage
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
            case .success: done(nil)
            case .failure(let error): done(failure(error, connection.endpoint.upstream.name))
            }
        }
    }

    private func failure(_ error: any Error, _ upstream: [UInt8]) -> GatewayError {
        let failure = ConnectFailure(error)
        let labels = [String(decoding: upstream, as: UTF8.self), failure.rawValue]
        metrics.counter(ConnectMetrics.failures, labels).increment()
        if case .exhausted = failure, let code = ConnectFailure.code(of: error) {
            shortage?.prevented("connect to upstreams", code: code)
        }
        return failure.error
    }
}
