import Glibc
package import NIOCore
package import SluiceConfig
import SluiceCore
package import SluiceProxy

/// A running gateway: loops, acceptor, listeners, upstreams and their supervision, and the configuration they follow.
///
/// Isolation: any thread, but no event loop: calls wait for each other and for what they do.
package final class Gateway: Sendable {
    package struct Options: Sendable {
        /// Loops; nil: what the first configuration says, or as many as there are processors.
        package var workers: Int?
        /// Sockets from somebody before us, used by the listeners whose address they have.
        package var inherited: [ListeningSocket] = []
        /// How long start and reload wait for names that were never looked up.
        package var namePatience = TimeAmount.seconds(5)
        /// Carries out what the admin API is asked for.
        package var orders = AdminOrders()
        /// Takes one line for operators, without a line end.
        package var log: @Sendable (String) -> Void = { _ in }

        package init() {}
    }

    private let queue: ControlQueue
    private let core: GatewayCore

    /// - Throws: when the system gives no thread.
    package init(_ options: Options = Options()) throws(StartError) {
        queue = try ControlQueue(name: "sluice-control")
        core = GatewayCore(options, queue: queue, builder: try ControlQueue(name: "sluice-builder"))
    }

    /// Listens and serves. Once.
    ///
    /// - Throws: `StartError`; then `stop` must still follow.
    package func start(_ model: GatewayModel) throws { try queue.sync { [core] in try core.start(model) } }

    /// Takes over another configuration. When this throws, nothing has changed.
    package func reload(_ model: GatewayModel) throws { try queue.sync { [core] in try core.reload(model) } }

    /// Stops accepting and lets what is under way end; what still is after `timeout` is cut.
    ///
    /// - Returns: how many connections were cut.
    @discardableResult
    package func drain(timeout: TimeAmount) -> Int {
        let began = SystemClock.monotonic()
        guard (try? queue.sync { [core] in core.beginDrain() }) == true else { return 0 }
        wait(until: began + min(Self.idleGrace, timeout))
        try? queue.sync { [core] in core.endIdleConnections() }
        wait(until: began + timeout)
        let cut = (try? queue.sync { [core] in core.cutConnections() }) ?? 0
        wait(until: SystemClock.monotonic() + Self.partingGrace)
        try? queue.sync { [core] in core.abortConnections() }
        return cut
    }

    /// How long those who were cut without an answer have to read that they were.
    private static let partingGrace = TimeAmount.milliseconds(250)

    /// How long idle connections stay open at first: a client that has just sent its next request, or its first, gets an
    /// answer with `Connection: close` instead of a closed connection.
    private static let idleGrace = TimeAmount.seconds(1)

    private func wait(until deadline: NIODeadline) {
        while statistics.connectionsOpen > 0, SystemClock.monotonic() < deadline { usleep(2000) }
    }

    /// Opens the files of logs by their names again, after a rotation.
    package func reopenLogs() { try? queue.sync { [core] in core.accessLogs.reopen() } }

    /// Looks at the files of certificates, keys and lists, and takes over those that have changed and held still. Costs
    /// next to nothing while none has.
    package func lookAtCertificates() { try? queue.sync { [core] in core.lookAtCertificates() } }

    /// Ends everything at once. Nothing may follow but reading statistics.
    package func stop() { try? queue.sync { [core] in core.stop() } }

    /// The listeners and the addresses that they are bound to.
    package var listeners: [(name: String, address: ListenAddress)] {
        (try? queue.sync { [core] in core.listeners.map { ($0.model.name, $0.socket.address) } }) ?? []
    }

    package var statistics: GatewayStatistics { (try? queue.sync { [core] in core.statistics }) ?? GatewayStatistics() }

    /// Notes that files could not be read or taken over, for the metrics.
    package func reloadFailed() { core.facts.reloadFailed() }

    /// How many loops serve.
    package var workerCount: Int { (try? queue.sync { [core] in core.workers.count }) ?? 0 }

    /// Configurations that are no longer current and still used by an exchange.
    package var retiredCount: Int { (try? queue.sync { [core] in core.retiredCount }) ?? 0 }

    // MARK: - Takeover

    /// The sockets, for another process to accept from. Until `endHandover` no configuration is taken over.
    package func beginHandover() -> [ListeningSocket] {
        (try? queue.sync { [core] in core.beginHandover() }) ?? []
    }

    /// - Parameter isTaken: the other process accepts now: this one stops accepting, and leaves the files of Unix
    ///   sockets alone.
    package func endHandover(isTaken: Bool) { try? queue.sync { [core] in core.endHandover(isTaken: isTaken) } }
}
