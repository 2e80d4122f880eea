package import NIOCore
import NIOPosix
import SluiceConfig
package import SluiceCore
import SluiceHTTP
import SluiceTLS

/// Health checks over sockets: TCP connects, or a request with a connection of its own.
///
/// A fresh connection each time, so that the check also finds an endpoint that accepts no more.
package final class SocketProber: Prober {
    private let shortage: ResourceShortage?
    private let shortages = Episode()
    private let log: (String) -> Void
    /// Servers whose TLS did not come about, by their addresses; only so many are spoken of.
    private var refusals: [String: Episode] = [:]
    private static let mostRefusals = 256

    /// - Parameters:
    ///   - shortage: is told when the gateway itself is what has run out of something.
    ///   - log: takes one line for operators, without a line end, on the loop.
    package init(shortage: ResourceShortage? = nil, log: @escaping (String) -> Void = { _ in }) {
        self.shortage = shortage
        self.log = log
    }

    package func probe(_ order: ProbeOrder, on loop: any EventLoop, done: @escaping (ProbeResult) -> Void) {
        let probe = ProbeConnection(order, done)
        if let security = order.transport.security {
            guard let session = Self.session(security) else { return probe.finish(.notMade) }
            probe.secure(session)
            let address = EndpointText.of(order.address)
            probe.whenRefused = { [self] failure in refused(failure, at: address) }
        }
        if let version = order.transport.proxyProtocol {
            ProxyHeader.write(version: version == .v1 ? 1 : 2, nil, to: &probe.preamble)
        }
        let bound = NIOLoopBound(probe, eventLoop: loop)
        let deadline = loop.assumeIsolated().scheduleTask(in: order.timeout) { probe.finish(.timeout) }
        probe.cancelDeadline = { deadline.cancel() }
        ClientBootstrap(group: loop)
            .connectTimeout(order.timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(to: order.address)
            .assumeIsolated()
            .whenComplete { [self] result in
                switch result {
                case .success: probe.connected()
                case .failure(let error): failed(probe, error)
                }
            }
    }

    private func refused(_ failure: TLSFailure, at address: String) {
        guard refusals[address] != nil || refusals.count < Self.mostRefusals else { return }
        let row = refusals[address] ?? Episode()
        refusals[address] = row
        guard row.begins(at: SystemClock.monotonic()) else { return }
        log("warning: no TLS with \(address) for health checks: \(failure.text) (not said again while it lasts)")
    }

    private static func session(_ security: ProbeTransport.Security) -> TLSSession? {
        TLSSession(client: security.context, host: security.host, endpoint: security.endpoint)
    }

    private func failed(_ probe: ProbeConnection, _ error: any Error) {
        guard let code = ConnectFailure.code(of: error), ResourceShortage.isMeant(by: code) else {
            return probe.finish(.timeout)
        }
        shortage?.prevented("make health checks", code: code, in: shortages)
        probe.finish(.notMade)
    }
}
