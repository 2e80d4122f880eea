import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore

@testable import SluiceUpstream

/// A pool without sockets: the test plays the servers, says when connections come about, and moves the clock.
final class PoolKit {
    let loop: LoopContext
    let state: UpstreamState
    let upstream: LoopUpstream
    let servers = Servers()
    private var model: UpstreamModel
    private var states: [EndpointState] = []
    private let reports = Reports()

    init(endpoints: Int = 1, _ change: (inout UpstreamModel) -> Void = { _ in }) throws {
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
    let loop = EmbeddedEventLoop()
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

    func connect(
        _ connection: UpstreamConnection,
        to address: SocketAddress,
        on loop: LoopContext,
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    ) {
        asked.append(connection.endpoint.id)
        let finish = { [self] in
            if let connectError { return done(connectError) }
            let channel = EmbeddedChannel(loop: self.loop)
            do {
                let socket = Socket(holdsWrites: holdsWrites)
                try channel.pipeline.syncOperations.addHandlers([socket, connection])
                try channel.connect(to: address).wait()
            } catch { return done(.connectFailed) }
            connections.append(ServerConnection(channel, endpoint: connection.endpoint.id))
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

/// What a socket does and an embedded channel does not: it ends one direction alone, and may take nothing.
private final class Socket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private let holdsWrites: Bool
    /// They fail when the socket closes.
    private var held: [EventLoopPromise<Void>] = []

    init(holdsWrites: Bool) { self.holdsWrites = holdsWrites }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard holdsWrites else { return context.write(data, promise: promise) }
        if let promise { held.append(promise) }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            promise?.succeed()
            return
        }
        let failed = held
        held = []
        for write in failed { write.fail(ChannelError.ioOnClosedChannel) }
        context.close(mode: mode, promise: promise)
    }
}

/// The server's end of one connection.
final class ServerConnection {
    let endpoint: Int
    let channel: EmbeddedChannel

    init(_ channel: EmbeddedChannel, endpoint: Int) {
        self.channel = channel
        self.endpoint = endpoint
    }

    func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    /// A whole answer; the connection may be used again.
    func answer() throws { try send("HTTP/1.1 204 No Content\r\n\r\n") }

    /// Ends the server's direction.
    func end() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }

    func becomeWritable() { channel.pipeline.fireChannelWritabilityChanged() }

    /// Ends both properly.
    func close() { channel.close(promise: nil) }

    /// Ends both, without warning.
    func reset() { channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "reset")) }

    var isOpen: Bool { channel.isActive }
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
    }

    func start(hash: UInt64? = nil, tried: [Int] = [], _ change: (inout AttemptSettings) -> Void = { _ in }) {
        var settings = AttemptSettings()
        change(&settings)
        var excluded = TriedEndpoints()
        for id in tried { excluded.insert(id) }
        attempt.start(kit.upstream, hash: hash, excluding: excluded, settings: settings, delegate: self)
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
