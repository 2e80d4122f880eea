package import NIOCore
package import SluiceCore
package import SluiceSockets
package import SluiceTLS

/// Opens connections; a protocol so that tests can do without sockets.
package protocol Connector: AnyObject {
    /// Connects `connection` to an address; `done` is called once, on the loop.
    func connect(
        _ connection: UpstreamConnection,
        to address: SocketAddress,
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    )
    /// A connection stood, and its TLS did not come about.
    func refused(_ failure: TLSFailure, at endpoint: LoopEndpoint)
}

extension Connector {
    package func refused(_ failure: TLSFailure, at endpoint: LoopEndpoint) {}
}

/// TCP and Unix sockets.
package final class SocketConnector: Connector {
    private let loop: SocketLoop
    private let metrics: MetricShard
    private let shortage: ResourceShortage?
    private let own: OwnAddresses?
    private let log: @Sendable (String) -> Void

    /// - Parameters:
    ///   - loop: where its connections live.
    ///   - metrics: where failures are counted.
    ///   - shortage: is told when the gateway itself is what has run out of something.
    ///   - own: where the gateway listens; nil: loops are not looked for.
    ///   - log: takes one line for operators, without a line end, on the loop.
    package init(
        loop: SocketLoop,
        metrics: MetricShard = MetricShard(),
        shortage: ResourceShortage? = nil,
        own: OwnAddresses? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.loop = loop
        self.metrics = metrics
        self.shortage = shortage
        self.own = own
        self.log = log
    }

    package func connect(
        _ connection: UpstreamConnection,
        to address: SocketAddress,
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    ) {
        connection.connect(to: address, on: loop, timeout: timeout) { [self] error in
            if let error { return done(failure(error, connection.endpoint)) }
            let local = SocketAddressBytes.local(of: connection.descriptor)?.address
            connection.endpoint.leadsHome = own?.contains(address, local: local) == true
            connection.awaitReady(within: TimerWheel.ticks(nanoseconds: timeout.nanoseconds), done)
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

    private func failure(_ error: SocketError, _ endpoint: LoopEndpoint) -> GatewayError {
        let failure = ConnectFailure(error)
        let upstream = String(decoding: endpoint.upstream.name, as: UTF8.self)
        metrics.counter(ConnectMetrics.failures, [upstream, failure.rawValue]).increment()
        if case .exhausted = failure, let code = error.code {
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
