import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import SluiceUpstream

/// An upstream without sockets: the test plays the server, and moves the clock.
final class ScriptedUpstream: Connector {
    let loop: LoopContext
    let state: UpstreamState
    /// The server's ends, in the order of their opening.
    private(set) var connections: [ScriptedConnection] = []
    /// What the next attempt to open one meets.
    var connectError: GatewayError?
    /// Connections stay in the making until `finishConnecting`.
    var holdsConnects = false
    private var held: [() -> Void] = []
    private var upstreamBox: LoopUpstream?
    private let embedded = EmbeddedEventLoop()

    init(endpoints: Int = 1, _ change: (inout UpstreamModel) -> Void = { _ in }) {
        var model = UpstreamModel(name: "auth", place: .builtIn)
        change(&model)
        loop = LoopContext(
            loop: embedded,
            random: RandomSource(seed: 1),
            clock: { .uptimeNanoseconds(0) },
            wallClock: { 0 }
        )
        state = UpstreamState(name: "auth") { _, _ in }
        let upstream = LoopUpstream(loop: loop, state: state, model: model, connector: self)
        let states = (0..<endpoints).compactMap { id -> EndpointState? in
            guard let address = try? SocketAddress(ipAddress: "192.0.2.\(id + 1)", port: 80) else { return nil }
            return EndpointState(id: id, key: EndpointKey(address: address, hostField: Array("192.0.2.\(id + 1)".utf8)))
        }
        let balanced = states.map { BalancedEndpoint(id: $0.id, hashKey: [UInt8($0.id)]) }
        let plan = BalancerPlan(model.balancing, panicThreshold: model.panicThreshold, endpoints: balanced)
        upstream.publish(PublishedEndpoints(states: states, plan: plan))
        upstreamBox = upstream
    }

    var upstream: LoopUpstream {
        get throws {
            guard let upstreamBox else { throw GatewayError.internalError }
            return upstreamBox
        }
    }

    func connect(
        _ connection: UpstreamConnection,
        to address: SocketAddress,
        on loop: LoopContext,
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    ) {
        let finish = { [self] in
            if let error = connectError { return done(error) }
            let channel = EmbeddedChannel(loop: embedded)
            do {
                try channel.pipeline.syncOperations.addHandler(connection)
                try channel.connect(to: address).wait()
            } catch { return done(.connectFailed) }
            connections.append(ScriptedConnection(channel))
            done(nil)
        }
        if holdsConnects { held.append(finish) } else { finish() }
    }

    func finishConnecting() {
        let waiting = held
        held = []
        for finish in waiting { finish() }
    }

    /// Lets time pass, in ticks of the wheel.
    func wait(ticks: UInt64) { loop.wheel.advance(to: loop.wheel.now + ticks) }

    var requestsUnderWay: Int { state.breakers.current(.requests) }
}

/// The server's end of one connection.
final class ScriptedConnection {
    private let channel: EmbeddedChannel

    init(_ channel: EmbeddedChannel) { self.channel = channel }

    /// Everything that came since the last look.
    func received() throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    /// Ends the server's direction, as a server does that closes an idle connection.
    func end() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }

    var isOpen: Bool { channel.isActive }
}
