import Glibc
import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceProxy
import SluiceTesting
import Synchronization

/// Lines from any thread.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    var write: @Sendable (String) -> Void { { [self] line in lines.withLock { $0.append(line) } } }
}

enum GatewayKit {
    /// Starts a gateway, runs the test's part, and stops it whatever happens.
    static func run(
        _ model: GatewayModel,
        workers: Int = 2,
        inherited: [ListeningSocket] = [],
        lines: Lines? = nil,
        _ body: (Gateway) throws -> Void
    ) throws {
        var options = Gateway.Options()
        options.workers = workers
        options.inherited = inherited
        if let lines { options.log = lines.write }
        let gateway = try Gateway(options)
        defer { gateway.stop() }
        try gateway.start(model)
        try body(gateway)
    }

    /// Waits until something becomes true that happens soon on other threads.
    static func eventually(_ what: String, _ condition: () throws -> Bool) throws {
        let deadline = SystemClock.monotonic() + .seconds(60)
        while try !condition() {
            guard SystemClock.monotonic() < deadline else { throw TestFailure("waited too long until \(what)") }
            sched_yield()
        }
    }
}

extension Gateway {
    /// Where a listener can be reached.
    func address(of listener: String = "main") throws -> ListenAddress {
        guard let found = listeners.first(where: { $0.name == listener }) else {
            throw TestFailure("there is no listener \(listener)")
        }
        return found.address
    }

    func connect(_ listener: String = "main") throws -> RawPeer {
        try RawPeer(connectingTo: address(of: listener))
    }

    /// One request over a connection of its own.
    func get(_ target: String = "/", listener: String = "main") throws -> HTTPMessage {
        try connect(listener).get(target)
    }
}

extension RawPeer {
    func get(_ target: String = "/") throws -> HTTPMessage {
        try send(Wire.get(target))
        return try readResponse()
    }
}

/// Clients that send one request after the other, each on a thread of its own, until told to stop.
final class Load: Sendable {
    struct Outcome: Sendable {
        var answered = 0
        var connections = 0
        /// What went wrong, in words; a connection that the gateway announced to close is none.
        var lost: [String] = []
    }

    enum Style: Sendable {
        /// One connection for all requests.
        case keepAlive
        /// A connection for each request.
        case fresh
    }

    private let isOver = Mutex(false)
    private let clients: Mutex<[Background<Outcome>]>
    private let total = Mutex(0)

    init(_ count: Int, _ style: Style, to address: ListenAddress) {
        clients = Mutex([])
        let started = (0..<count).map { _ in Background { [self] in drive(style, address) } }
        clients.withLock { $0 = started }
    }

    /// Answers so far.
    var answered: Int { total.withLock { $0 } }

    /// Ends it and adds everything up.
    func stop() throws -> Outcome {
        isOver.withLock { $0 = true }
        var sum = Outcome()
        for client in clients.withLock({ $0 }) {
            let one = try client.value()
            sum.answered += one.answered
            sum.connections += one.connections
            sum.lost += one.lost
        }
        return sum
    }

    private func drive(_ style: Style, _ address: ListenAddress) -> Outcome {
        var outcome = Outcome()
        var peer: RawPeer?
        while !isOver.withLock({ $0 }) {
            do {
                if peer == nil {
                    peer = try RawPeer(connectingTo: address)
                    outcome.connections += 1
                }
                guard let open = peer else { break }
                let answer = try open.get("/load")
                guard answer.status == 200 else { throw TestFailure("status \(answer.status)") }
                outcome.answered += 1
                total.withLock { $0 += 1 }
                if style == .fresh { peer = nil }
                if answer["Connection"] == "close" { break }
            } catch {
                outcome.lost.append("\(error)")
                break
            }
        }
        return outcome
    }
}
