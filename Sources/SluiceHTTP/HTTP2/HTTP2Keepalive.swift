package import SluiceCore

/// Asks a silent peer for a sign of life, and tells when none comes (RFC 9113, section 6.7).
///
///     silent for `interval` -> ask -> silent for `timeout` too -> giveUp
///
/// Isolation: one loop. Whoever uses it calls `stop` at its own end.
package final class HTTP2Keepalive: TimerNode {
    /// What the PING carries.
    package static let payload: UInt64 = 0x736C_7569_6365_0002

    private let wheel: TimerWheel
    private let interval: UInt64
    private let timeout: UInt64
    private let ask: () -> Void
    private let giveUp: () -> Void
    private var lastSign: UInt64
    private var isAsking = false

    /// Begins at once.
    ///
    /// - Parameters:
    ///   - interval: ticks of silence before the peer is asked.
    ///   - timeout: ticks that its answer may take.
    ///   - ask: sends a PING.
    ///   - giveUp: the peer is gone.
    package init(
        _ wheel: TimerWheel,
        interval: UInt64,
        timeout: UInt64,
        ask: @escaping () -> Void,
        giveUp: @escaping () -> Void
    ) {
        self.wheel = wheel
        self.interval = interval
        self.timeout = timeout
        self.ask = ask
        self.giveUp = giveUp
        lastSign = wheel.now
        super.init()
        wheel.arm(self, in: interval)
    }

    /// The peer has sent something, or taken something of what it was sent.
    @inline(__always)
    package func heard() {
        lastSign = wheel.now
        isAsking = false
    }

    package func stop() { wheel.remove(self) }

    package override func deadlineReached() {
        if isAsking { return giveUp() }
        let silence = wheel.now - lastSign
        guard silence > interval else { return wheel.arm(self, at: lastSign + interval + 1) }
        isAsking = true
        wheel.arm(self, in: timeout)
        ask()
    }
}
