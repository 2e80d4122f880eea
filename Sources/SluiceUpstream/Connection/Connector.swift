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
    package init() {}

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
        bootstrap.connect(to: address).assumeIsolated().whenComplete { result in
            switch result {
            case .success: done(nil)
            case .failure(let error):
                if case .connectTimeout? = error as? ChannelError {
                    done(.connectTimeout)
                } else {
                    done(.connectFailed)
                }
            }
        }
    }
}
