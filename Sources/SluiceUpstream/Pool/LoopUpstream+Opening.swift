import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceTLS

/// Opening connections, and what becomes of them: one for an attempt, or one of HTTP/2 that many share.
extension LoopUpstream {
    /// Whether one more request can wait for a connection that is being opened to this endpoint, since many may share it.
    func sharesConnection(of endpoint: LoopEndpoint) -> Bool {
        guard endpoint.connecting > 0, proxyHeader == nil else { return false }
        switch version {
        case .http1: return false
        case .http2: return true
        case .auto: return speaksTLS && (endpoint.speaksHTTP2 || endpoint.open == endpoint.connecting)
        }
    }

    /// Whether a connection could be opened now, as far as one can tell without doing it.
    var mayOpen: Bool {
        open == 0 || breakers.current(.connections) < settings.limits.connections
            || endpoints.contains { $0.hasIdle || $0.idleShared != nil }
    }

    /// Room for one more connection: within the process's limit, by closing an idle one, or as this loop's first.
    func reserveConnection() -> Bool {
        if breakers.tryAcquire(.connections, limit: settings.limits.connections) { return true }
        for endpoint in endpoints {
            if let idle = endpoint.oldestIdle() {
                remove(idle, servingWaiters: false)
                idle.close()
            } else if let idle = endpoint.idleShared {
                idle.leave()
            } else {
                continue
            }
            if breakers.tryAcquire(.connections, limit: settings.limits.connections) { return true }
        }
        return open == 0 && breakers.tryAcquire(.connections, limit: 0, isExempt: true)
    }

    /// Opens a connection in the room that was reserved.
    func connect(to endpoint: LoopEndpoint, for attempt: Attempt) {
        open += 1
        connecting += 1
        endpoint.open += 1
        attempt.isConnecting(to: endpoint)
        let pending = PendingConnection(endpoint: endpoint, attempt: attempt)
        attempt.pending = pending
        let connection = UpstreamConnection(endpoint: endpoint)
        connection.era = era
        endpoint.connecting += 1
        if let proxyHeader {
            ProxyHeader.write(version: proxyHeader == .v1 ? 1 : 2, attempt.settings.proxied, to: &connection.preamble)
            connection.isSingleUse = true
        }
        if speaksTLS {
            guard let session = session(for: endpoint) else {
                return connected(connection, pending, .upstreamTLSFailed)
            }
            connection.secure(session)
        }
        connector.connect(connection, to: endpoint.address, timeout: settings.timeouts.connect) { error in
            // One that ended before it was handed over never came about.
            self.connected(connection, pending, error ?? (connection.isOpen ? nil : .connectFailed))
        }
    }

    /// The TLS of one more connection; nil where the context is missing or the name is none.
    private func session(for endpoint: LoopEndpoint) -> TLSSession? {
        guard let tls else { return nil }
        var name = endpoint.hostField
        if let tlsName { name = tlsName } else if case .name(let host) = settings.host { name = host }
        return TLSSession(
            client: tls,
            host: Authority.withoutPort(name),
            endpoint: UInt64(truncatingIfNeeded: endpoint.id)
        )
    }

    func refused(_ failure: TLSFailure, at endpoint: LoopEndpoint) { connector.refused(failure, at: endpoint) }

    private func connected(_ connection: UpstreamConnection, _ pending: PendingConnection, _ error: GatewayError?) {
        let attempt = pending.attempt
        pending.attempt = nil
        attempt?.pending = nil
        connecting -= 1
        pending.endpoint.connecting -= 1
        if let error {
            breakers.release(.connections)
            open -= 1
            pending.endpoint.open -= 1
            // Nobody may be left to wait for it; the endpoint has failed all the same.
            if let attempt {
                attempt.failed(error)
            } else if error.source == .upstream {
                recordFailure(at: pending.endpoint)
            }
            return serveWaiters()
        }
        metrics.connectionOpened()
        pending.endpoint.wasSecured()
        if isHTTP2(connection) { return share(connection, attempt) }
        connection.isCounted = true
        guard let attempt else { return connection.isSingleUse ? connection.end() : release(connection) }
        guard admit(attempt) else {
            connection.isSingleUse ? connection.end() : release(connection)
            return attempt.failed(.upstreamOverflow)
        }
        hand(connection, to: attempt, isReused: false)
    }

    func isHTTP2(_ endpoint: LoopEndpoint) -> Bool {
        switch version {
        case .http1: false
        case .http2: true
        case .auto: endpoint.speaksHTTP2
        }
    }

    private func isHTTP2(_ connection: UpstreamConnection) -> Bool {
        switch version {
        case .http1: return false
        case .http2: return true
        case .auto:
            connection.endpoint.speaksHTTP2 = connection.tls?.negotiatedProtocol == Self.h2
            return connection.endpoint.speaksHTTP2
        }
    }

    private static let h2 = Array("h2".utf8)

    /// A connection that many can use is there: first who it was opened for, then those who wait.
    private func share(_ connection: UpstreamConnection, _ attempt: Attempt?) {
        let shared = UpstreamHTTP2Connection(endpoint: connection.endpoint)
        connection.become(shared)
        let endpoint = connection.endpoint
        guard endpoint.index >= 0, shared.isOpen else {
            shared.leave()
            attempt?.failed(.noHealthyUpstream)
            return
        }
        endpoint.addShared(shared)
        if let attempt {
            if admit(attempt) { hand(shared.newStream(), to: attempt) } else { attempt.failed(.upstreamOverflow) }
        }
        // It has told the server of one client.
        if proxyHeader != nil { shared.leave() }
        serveWaiters()
    }
}

/// A connection being opened, and who waits for it, if anybody still does.
final class PendingConnection {
    let endpoint: LoopEndpoint
    var attempt: Attempt?

    init(endpoint: LoopEndpoint, attempt: Attempt) {
        self.endpoint = endpoint
        self.attempt = attempt
    }
}
