/// Counts what a peer does that costs work and moves nothing, and says when it is too much.
///
/// Each kind has a number of tokens that comes back with time, and with useful work where an honest peer's frames grow
/// with that: a receiver answers DATA with WINDOW_UPDATE, and a gRPC client measures the path with a PING for it. So a
/// fast download is never taken for a flood, while a connection that only talks to itself ends soon.
///
/// A plain value without a clock: milliseconds are given. Isolation: its session.
struct HTTP2FloodGuard {
    /// Tokens of one kind of event, in thousandths.
    struct Bucket {
        private var tokens: Int
        private let capacity: Int
        private let perSecond: Int

        init(_ allowance: HTTP2FloodLimits.Allowance) {
            capacity = max(1, min(allowance.burst, 1_000_000_000)) * 1000
            perSecond = max(0, min(allowance.perSecond, 1_000_000))
            tokens = capacity
        }

        /// Takes one token; false when there is none.
        mutating func take() -> Bool {
            guard tokens >= 1000 else { return false }
            tokens -= 1000
            return true
        }

        mutating func give(_ count: Int) { tokens = min(capacity, tokens + count * 1000) }

        mutating func pass(milliseconds: Int) { tokens = min(capacity, tokens + perSecond * milliseconds) }
    }

    private var resets: Bucket
    private var provokedResets: Bucket
    private var pings: Bucket
    private var settings: Bucket
    private var emptyFrames: Bucket
    private var idleFrames: Bucket
    private var now: UInt64?

    init(_ limits: HTTP2FloodLimits) {
        resets = Bucket(limits.resets)
        provokedResets = Bucket(limits.provokedResets)
        pings = Bucket(limits.pings)
        settings = Bucket(limits.settings)
        emptyFrames = Bucket(limits.emptyFrames)
        idleFrames = Bucket(limits.idleFrames)
    }

    /// Takes note of the time, in milliseconds of any clock that does not go backwards.
    mutating func pass(to time: UInt64) {
        let last = now ?? time
        guard time > last || now == nil else { return }
        now = time
        let elapsed = Int(min(time - last, 3_600_000))
        guard elapsed > 0 else { return }
        resets.pass(milliseconds: elapsed)
        provokedResets.pass(milliseconds: elapsed)
        pings.pass(milliseconds: elapsed)
        settings.pass(milliseconds: elapsed)
        emptyFrames.pass(milliseconds: elapsed)
        idleFrames.pass(milliseconds: elapsed)
    }

    // MARK: - Useful work

    /// A DATA frame with bytes came or went.
    mutating func dataMoved() {
        idleFrames.give(4)
        pings.give(1)
    }

    mutating func streamOpened() { idleFrames.give(4) }

    /// A stream came to its end without the peer's reset.
    mutating func streamFinished() { resets.give(1) }

    // MARK: - The rest

    mutating func reset() -> HTTP2Error? { resets.take() ? nil : .rapidReset }
    mutating func provokedReset() -> HTTP2Error? { provokedResets.take() ? nil : .provokedResets }
    mutating func ping() -> HTTP2Error? { pings.take() ? nil : .pingFlood }
    mutating func settingsFrame() -> HTTP2Error? { settings.take() ? nil : .settingsFlood }
    mutating func emptyFrame() -> HTTP2Error? { emptyFrames.take() ? nil : .emptyFrameFlood }
    mutating func idleFrame() -> HTTP2Error? { idleFrames.take() ? nil : .idleFrameFlood }
}
