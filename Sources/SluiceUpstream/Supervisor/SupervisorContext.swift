package import NIOCore
package import SluiceCore
package import SluiceTLS

/// What everything on the control side of upstreams shares: its loop, time, randomness, the log, the probes.
///
/// Isolation: the control loop, which is none of those that serve requests.
package final class SupervisorContext {
    package let loop: any EventLoop
    let prober: any Prober
    let limiter: ProbeLimiter
    private let write: @Sendable (String) -> Void
    /// What connections of an upstream are secured with; nil: there is nothing yet.
    let security: (_ upstream: String) -> TLSClientContext?
    private var random: RandomSource
    private var lastID = 0

    /// `log` takes one line for operators, without a line end; `probes` is how many health checks may be under way at
    /// once; `security` says what those of an upstream with TLS are secured with, and is asked for each.
    package init(
        loop: any EventLoop,
        prober: any Prober,
        random: RandomSource = RandomSource(),
        probes: Int = 128,
        security: @escaping (_ upstream: String) -> TLSClientContext? = { _ in nil },
        log: @escaping @Sendable (String) -> Void
    ) {
        self.loop = loop
        self.prober = prober
        self.random = random
        self.limiter = ProbeLimiter(limit: probes)
        self.write = log
        self.security = security
    }

    var now: NIODeadline { loop.now }

    func log(_ line: String) { write(line) }

    /// A number for a new endpoint that no other has had.
    func nextID() -> Int {
        lastID += 1
        return lastID
    }

    /// A generator of its own for somebody else.
    func nextRandom() -> RandomSource { RandomSource(seed: random.next()) }

    /// The amount with up to 10 % taken off or added, so that what began together does not stay together.
    func jittered(_ amount: TimeAmount) -> TimeAmount {
        let tenth = max(0, amount.nanoseconds) / 10
        return .nanoseconds(amount.nanoseconds - tenth + Int64(random.below(UInt64(2 * tenth + 1))))
    }

    func schedule(in delay: TimeAmount, _ body: @escaping () -> Void) -> Scheduled<Void> {
        loop.assumeIsolated().scheduleTask(in: delay, body)
    }

    func schedule(at deadline: NIODeadline, _ body: @escaping () -> Void) -> Scheduled<Void> {
        loop.assumeIsolated().scheduleTask(deadline: deadline, body)
    }
}
