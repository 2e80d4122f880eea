import Glibc
import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceSockets

@testable import SluiceUpstream

/// A pool whose servers the test plays: it holds their ends, says when connections come about, and moves the clock.
final class PoolKit {
    let loop: LoopContext
    let state: UpstreamState
    let upstream: LoopUpstream
    let servers: Servers
    private var model: UpstreamModel
    private var states: [EndpointState] = []
    private let reports = Reports()

    init(endpoints: Int = 1, _ change: (inout UpstreamModel) -> Void = { _ in }) throws {
        servers = try Servers()
        model = UpstreamModel(name: "origin", place: .builtIn)
        change(&model)
        loop = LoopContext(
            loop: servers.loop,
            random: RandomSource(seed: 1),
            clock: { .uptimeNanoseconds(0) },
            wallClock: { 0 }
        )
        state = UpstreamState(name: "origin") { [reports] id, _ in reports.add(id) }
        upstream = LoopUpstream(loop: loop, state: state, model: model, connector: servers)
        states = try (0..<endpoints).map { id in
            let address = try SocketAddress(ipAddress: "192.0.2.\(id)", port: 80)
            return EndpointState(id: id, key: EndpointKey(address: address, hostField: Array("\(id)".utf8)))
        }
        publish(Array(0..<endpoints))
    }

    deinit { for server in servers.connections { server.forget() } }

    /// These endpoints from now on, all of them usable but for some.
    func publish(_ ids: [Int], unusable: Set<Int> = []) {
        let balanced = ids.map { BalancedEndpoint(id: $0, hashKey: [UInt8($0)], isUsable: !unusable.contains($0)) }
        let plan = BalancerPlan(model.balancing, panicThreshold: 0, endpoints: balanced)
        upstream.publish(PublishedEndpoints(states: ids.map { states[$0] }, plan: plan))
    }

    /// A hash that leads to an endpoint.
    func hash(for endpoint: Int) -> UInt64 {
        var balancer = upstream.balancer
        var active: [Int32] = []
        return (0...).first { balancer.pick(hash: $0, active: &active) == endpoint } ?? 0
    }

    func client() -> PoolClient { PoolClient(self) }

    /// A request with the number of its endpoint, which tells where a bound one belongs.
    @discardableResult
    func send(boundTo endpoint: Int? = nil, tried: [Int] = [], isFresh: Bool = false) -> PoolClient {
        let client = client()
        client.start(hash: endpoint.map(hash(for:)), tried: tried) { $0.needsFreshConnection = isFresh }
        return client
    }

    func wait(ticks: UInt64) { loop.wheel.advance(to: loop.wheel.now + ticks) }

    func count(_ kind: BreakerCounts.Kind) -> Int { state.breakers.current(kind) }

    /// Taken places, in the order of `BreakerCounts.Kind`: connections, pending, requests.
    var counts: [Int] { BreakerCounts.Kind.allCases.map(count) }

    /// Endpoints whose row of failures was reported as full.
    var reportedOutliers: [Int] { reports.all }

    private final class Reports: @unchecked Sendable {
        // SAFETY: written and read on the thread of one test.
        private(set) var all: [Int] = []
        func add(_ id: Int) { all.append(id) }
    }
}

/// The servers behind a pool, and what the network does on the way to them.
final class Servers: Connector {
    let loop: SocketLoop
    /// The servers' ends, in the order of their opening.
    private(set) var connections: [ServerConnection] = []
    /// Endpoints that a connection was asked for, in order.
    private(set) var asked: [Int] = []
    /// What attempts to connect meet.
    var connectError: GatewayError?
    /// Connections end before anybody is told that they are there.
    var endsBeforeDone = false
    /// Connections stay in the making until `finishConnecting`.
    var holdsConnects = false
    /// Sockets that take nothing.
    var holdsWrites = false
    private var held: [() -> Void] = []

    init() throws { loop = try SocketLoop() }

    func connect(
        _ connection: UpstreamConnection,
        to address: SocketAddress,
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    ) {
        asked.append(connection.endpoint.id)
        let finish = { [self] in
            if let connectError { return done(connectError) }
            guard let server = ServerConnection(connection, on: loop, holdsWrites: holdsWrites) else {
                return done(.connectFailed)
            }
            connections.append(server)
            if endsBeforeDone { connections.last?.reset() }
            done(nil)
        }
        if holdsConnects { held.append(finish) } else { finish() }
    }

    func finishConnecting() {
        let waiting = held
        held = []
        for finish in waiting { finish() }
    }
}

/// The server's end of one connection. What it does has been noticed when the call returns.
final class ServerConnection {
    let endpoint: Int
    private let loop: SocketLoop
    private let connection: UpstreamConnection
    /// The gateway's end, as long as that is open.
    private let other: CInt
    private let otherIdentity: UInt64?
    private var descriptor: CInt

    /// - Parameter holdsWrites: what the gateway writes is not taken until `becomeWritable`.
    init?(_ connection: UpstreamConnection, on loop: SocketLoop, holdsWrites: Bool) {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            return nil
        }
        self.loop = loop
        self.connection = connection
        endpoint = connection.endpoint.id
        (other, descriptor) = (ends[0], ends[1])
        otherIdentity = Self.identity(other)
        if holdsWrites {
            let filling = [UInt8](repeating: 0, count: 4096)
            while Glibc.send(other, filling, filling.count, CInt(MSG_DONTWAIT)) > 0 {}
        }
        guard (try? connection.attach(other, to: loop)) != nil else { return nil }
        connection.begin()
    }

    deinit { closeEnd() }

    /// Nobody looks at it any more.
    func forget() {
        closeEnd()
        connection.closeNow()
    }

    private func closeEnd() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
        // Until it has come about: a child of another test may hold a copy for a moment.
        guard isOtherOpen else { return }
        var polled = pollfd(fd: other, events: 0, revents: 0)
        _ = poll(&polled, 1, 5000)
    }

    private var isOtherOpen: Bool { otherIdentity != nil && Self.identity(other) == otherIdentity }

    /// What tells a descriptor from a later one of the same number; nil for one that is closed.
    private static func identity(_ descriptor: CInt) -> UInt64? {
        var info = stat()
        return fstat(descriptor, &info) == 0 ? UInt64(info.st_ino) : nil
    }

    private func settle() { for _ in 0..<4 { loop.turn(waits: false) } }

    func send(_ text: String) throws {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        settle()
    }

    /// A whole answer; the connection may be used again.
    func answer() throws { try send("HTTP/1.1 204 No Content\r\n\r\n") }

    /// Ends the server's direction.
    func end() {
        shutdown(descriptor, CInt(SHUT_WR))
        settle()
    }

    /// Takes all that was written.
    func becomeWritable() {
        var bytes = [UInt8](repeating: 0, count: 65536)
        repeat { settle() } while recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT)) > 0
    }

    /// Ends both properly.
    func close() {
        var bytes = [UInt8](repeating: 0, count: 65536)
        while recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT)) > 0 {}
        closeEnd()
        settle()
    }

    /// Ends both, without warning: the system resets a connection that is closed with bytes nobody has read.
    func reset() {
        if isOpen { _ = Glibc.send(other, "x", 1, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)) }
        closeEnd()
        settle()
    }

    /// Whether neither end has closed it.
    var isOpen: Bool {
        descriptor >= 0 && isOtherOpen
    }
}

/// Who runs an attempt in a test: sends a whole request as soon as it can, and notes how it ended.
final class PoolClient: AttemptDelegate {
    let kit: PoolKit
    let attempt: Attempt
    /// `finished`, or the code of the error; one for each start at most.
    private(set) var ends: [String] = []
    /// Endpoints whose connections it was given.
    private(set) var endpoints: [Int] = []
    private(set) var statuses: [UInt16] = []
    /// Whether the request is complete with the head.
    var sendsAll = true
    var whenConnected: (PoolClient) -> Void = { _ in }

    init(_ kit: PoolKit) {
        self.kit = kit
        attempt = Attempt(loop: kit.loop)
        attempt.serve(self, isKept: true)
    }

    func start(hash: UInt64? = nil, tried: [Int] = [], _ change: (inout AttemptSettings) -> Void = { _ in }) {
        var settings = AttemptSettings()
        change(&settings)
        var excluded = TriedEndpoints()
        for id in tried { excluded.insert(id) }
        attempt.start(kit.upstream, hash: hash, excluding: excluded, settings: settings)
    }

    func attemptIsConnected(_ attempt: Attempt) {
        endpoints.append(attempt.endpoint?.id ?? -1)
        let head = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        if sendsAll { attempt.writeEnd(head) } else { attempt.writeAndFlush(head) }
        whenConnected(self)
    }

    func attempt(_ attempt: Attempt, head: inout ResponseHead, opensTunnel: Bool) { statuses.append(head.status) }
    func attemptFinished(_ attempt: Attempt, trailers: Trailers?) { ends.append("finished") }
    func attemptFailed(_ attempt: Attempt, _ error: GatewayError) { ends.append(error.code) }
    func attemptBecameWritable(_ attempt: Attempt) {}
    func attempt(_ attempt: Attempt, interim head: inout ResponseHead) {}
    func attempt(_ attempt: Attempt, body: ByteBuffer) {}
    func attemptReadDone(_ attempt: Attempt) {}
    func attemptTunnelEnded(_ attempt: Attempt) {}
}
