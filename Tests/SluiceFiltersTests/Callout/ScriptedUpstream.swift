import Glibc
import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceSockets
import SluiceUpstream

/// An upstream whose connections end in the test: it plays the server, and moves the clock.
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
    private let sockets: SocketLoop

    init(endpoints: Int = 1, _ change: (inout UpstreamModel) -> Void = { _ in }) {
        var model = UpstreamModel(name: "auth", place: .builtIn)
        change(&model)
        guard let sockets = try? SocketLoop() else { preconditionFailure("no event loop") }
        self.sockets = sockets
        loop = LoopContext(
            loop: sockets,
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
        timeout: TimeAmount,
        done: @escaping (GatewayError?) -> Void
    ) {
        let finish = { [self] in
            if let error = connectError { return done(error) }
            guard let server = ScriptedConnection(connection, on: sockets) else { return done(.connectFailed) }
            connections.append(server)
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

/// The server's end of one connection. What it does has been noticed when the call returns.
final class ScriptedConnection {
    private let loop: SocketLoop
    private let descriptor: CInt
    /// The gateway's end.
    private let other: CInt
    private let otherIdentity: UInt64?

    init?(_ connection: UpstreamConnection, on loop: SocketLoop) {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            return nil
        }
        self.loop = loop
        (other, descriptor) = (ends[0], ends[1])
        otherIdentity = Self.identity(other)
        guard (try? connection.attach(ends[0], to: loop)) != nil else { return nil }
        connection.begin()
    }

    deinit { close(descriptor) }

    private func settle() { for _ in 0..<4 { loop.turn(waits: false) } }

    /// Everything that came since the last look.
    func received() throws -> String {
        settle()
        var all: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65536)
        while case let count = recv(descriptor, &bytes, bytes.count, CInt(MSG_DONTWAIT)), count > 0 {
            all += bytes[..<count]
            settle()
        }
        return String(decoding: all, as: UTF8.self)
    }

    func send(_ text: String) throws {
        _ = Array(text.utf8).withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        settle()
    }

    /// Ends the server's direction, as a server does that closes an idle connection.
    func end() {
        shutdown(descriptor, CInt(SHUT_WR))
        settle()
    }

    /// Whether the gateway has not closed it.
    var isOpen: Bool { otherIdentity != nil && Self.identity(other) == otherIdentity }

    /// What tells a descriptor from a later one of the same number; nil for one that is closed. A child of another test
    /// may hold a copy for a moment, so the other end is not asked.
    private static func identity(_ descriptor: CInt) -> UInt64? {
        var info = stat()
        return fstat(descriptor, &info) == 0 ? UInt64(info.st_ino) : nil
    }
}
