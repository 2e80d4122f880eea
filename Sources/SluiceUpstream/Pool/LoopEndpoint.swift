package import NIOCore
import SluiceCore
package import SluiceTLS

/// One endpoint as one loop sees it: its address, its idle connections, its requests under way.
///
/// Isolation: one loop.
package final class LoopEndpoint {
    /// Held strongly: a connection under way may outlive its upstream's place in the configuration. The circle ends when
    /// the upstream retires.
    let upstream: LoopUpstream
    package var address: SocketAddress { state.key.address }
    /// What `host: upstream` sends: the name or address with a port that is not 80.
    package let hostField: [UInt8]
    /// Address and port, or the path of a Unix socket, for logs.
    package let addressText: [UInt8]
    package let state: EndpointState
    /// The id and the row of failures in `state`, reached without counting a reference on what all loops share.
    package let id: Int
    let outliers: OutlierCounters
    /// Place in the upstream's list; -1 once the endpoint has left it.
    package internal(set) var index = -1
    /// Connections without a request, the one used last at the end.
    private(set) var idle: ContiguousArray<UpstreamConnection> = []
    /// Connections of HTTP/2 that take requests.
    private(set) var shared: ContiguousArray<UpstreamHTTP2Connection> = []
    /// Connections to it end at a listener of this gateway; known before the first request is sent to it.
    package internal(set) var leadsHome = false
    /// What its last connection turned out to speak, where that is not known beforehand.
    var speaksHTTP2 = false
    /// Why the last connection had no TLS; nil when the last one had.
    package private(set) var tlsFailure: TLSFailure?
    /// Connections of it that are being opened.
    var connecting = 0
    /// Connections open or being opened by this loop.
    var open = 0 { didSet { state.connectionsChanged(by: open - oldValue) } }

    init(upstream: LoopUpstream, state: EndpointState) {
        self.upstream = upstream
        // An own copy: two loops counting references on one array would cost more than the few bytes.
        self.hostField = state.key.hostField.map { $0 }
        self.addressText = Array(EndpointText.of(state.key.address).utf8)
        self.state = state
        self.id = state.id
        self.outliers = state.outliers
    }

    /// Whether requests reach it by HTTP/2, as far as is known.
    package var isHTTP2: Bool { upstream.isHTTP2(self) }

    /// TLS with it came about.
    func wasSecured() {
        if tlsFailure != nil { tlsFailure = nil }
    }

    /// TLS with it failed, before or behind the handshake.
    func wasRefused(_ failure: TLSFailure?) {
        guard let failure else { return }
        tlsFailure = failure
        upstream.refused(failure, at: self)
    }

    var hasIdle: Bool { !idle.isEmpty }

    func popIdle() -> UpstreamConnection? {
        guard let connection = idle.popLast() else { return nil }
        connection.idleIndex = -1
        return connection
    }

    /// The connection that has been idle longest.
    func oldestIdle() -> UpstreamConnection? { idle.first }

    func pushIdle(_ connection: UpstreamConnection) {
        connection.idleIndex = idle.count
        idle.append(connection)
    }

    func removeIdle(_ connection: UpstreamConnection) {
        let i = connection.idleIndex
        connection.idleIndex = -1
        guard idle.indices.contains(i), idle[i] === connection else { return }
        // Order says who was used last, so the others move up; a pool is short.
        idle.remove(at: i)
        for k in i..<idle.count { idle[k].idleIndex = k }
    }

    func addShared(_ connection: UpstreamHTTP2Connection) { shared.append(connection) }

    func removeShared(_ connection: UpstreamHTTP2Connection) { shared.removeAll { $0 === connection } }

    /// A stream of a connection that has room for one more.
    func takeStream(for attempt: Attempt) -> UpstreamStream? { roomy(attempt)?.newStream() }

    func hasStream(for attempt: Attempt) -> Bool { roomy(attempt) != nil }

    private func roomy(_ attempt: Attempt) -> UpstreamHTTP2Connection? {
        let needsFresh = attempt.settings.needsFreshConnection
        for i in shared.indices {
            // Those that were there when the earlier try failed may have died along with its connection.
            let suits = unretained(shared[i]) { $0.hasRoom && (!needsFresh || $0.bornAt >= attempt.startedAt) }
            if suits { return shared[i] }
        }
        return nil
    }

    /// A connection of HTTP/2 without requests.
    var idleShared: UpstreamHTTP2Connection? { shared.first { $0.isIdle } }

    func closeIdle() {
        for connection in shared { connection.leave() }
        let all = idle
        idle.removeAll()
        for connection in all {
            connection.idleIndex = -1
            upstream.remove(connection)
            connection.close()
        }
    }
}
