import NIOCore
import SluiceConfig
package import SluiceCore
import SluiceHTTP
package import SluiceSockets
import SluiceTLS

/// Health checks over sockets: TCP connects, or a request with a connection of its own.
///
/// A fresh connection each time, so that the check also finds an endpoint that accepts no more.
package final class SocketProber: Prober {
    private let loop: SocketLoop
    private let shortage: ResourceShortage?
    private let shortages = Episode()
    private let log: (String) -> Void
    /// Servers whose TLS did not come about, by their addresses; only so many are spoken of.
    private var refusals: [String: Episode] = [:]
    private static let mostRefusals = 256

    /// - Parameters:
    ///   - loop: where its connections live.
    ///   - shortage: is told when the gateway itself is what has run out of something.
    ///   - log: takes one line for operators, without a line end, on the loop.
    package init(
        loop: SocketLoop,
        shortage: ResourceShortage? = nil,
        log: @escaping (String) -> Void = { _ in }
    ) {
        self.loop = loop
        self.shortage = shortage
        self.log = log
    }

    package func probe(_ order: ProbeOrder, done: @escaping (ProbeResult) -> Void) {
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
        let deadline = loop.assumeIsolated().scheduleTask(in: order.timeout) { probe.finish(.timeout) }
        probe.cancelDeadline = { deadline.cancel() }
        probe.connect(to: order.address, on: loop, timeout: order.timeout) { [self] error in
            if let error { failed(probe, error) } else { probe.connected() }
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

    private func failed(_ probe: ProbeConnection, _ error: SocketError) {
        guard let code = error.code, ResourceShortage.isMeant(by: code) else {
            return probe.finish(.timeout)
        }
        shortage?.prevented("make health checks", code: code, in: shortages)
        probe.finish(.notMade)
    }
}
