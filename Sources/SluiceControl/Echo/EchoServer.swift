import Glibc
import NIOCore
import NIOPosix
package import SluiceConfig
import SluiceProxy

/// The built-in upstream: answers with what it was asked, or as the path says. For demo, documentation and tests.
package final class EchoServer: Sendable {
    /// Where it listens; the port is the real one.
    package let address: ListenAddress
    private let group: MultiThreadedEventLoopGroup

    private init(_ address: ListenAddress, _ group: MultiThreadedEventLoopGroup) {
        self.address = address
        self.group = group
    }

    /// Starts it on one loop. `name` is what it calls itself in its answers; its address if absent.
    package static func start(on address: ListenAddress, name: String? = nil) throws(StartError) -> EchoServer {
        let socket: ListeningSocket
        do throws(ListenError) {
            socket = try ListeningSocket(binding: address)
        } catch {
            throw StartError(error.message)
        }
        let name = Array((name ?? socket.address.text).utf8)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var bootstrap = ServerBootstrap(group: group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(EchoConnection(name: name))
                }
            }
        if case .ip = address { bootstrap = bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1) }
        do {
            _ = try bootstrap.withBoundSocket(socket.descriptor).wait()
        } catch {
            throw StartError("cannot listen on \(address.text): \(error)")
        }
        return EchoServer(socket.address, group)
    }

    /// Ends it and all its connections.
    package func stop() {
        try? group.syncShutdownGracefully()
        if case .unix(let path) = address { unlink(path) }
    }
}
