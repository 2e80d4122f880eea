import NIOCore

/// When the keys of a URL are fetched: the decisions, without clock, timers or network.
///
/// At the start; then regularly; after a failure sooner, less and less often; and when a token names a key that is not
/// known, which strangers can bring about and which is therefore rationed.
struct KeyRefresh: Equatable, Sendable {
    /// Between one fetch that succeeded and the next.
    let interval: TimeAmount
    /// The least time between two fetches for unknown keys.
    let cooldown: TimeAmount
    private(set) var isFetching = true
    private(set) var failures = 0
    private var hasKeys = false
    /// Tells the newest timer from those that were set before it.
    private(set) var timer = 0
    private var lastAsked: NIODeadline?

    private static let firstPause = TimeAmount.seconds(1)
    private static let longestPause = TimeAmount.seconds(60)
    /// As long as there are no keys at all nobody passes, so that the end of the trouble must be noticed soon.
    private static let longestPauseWithoutKeys = TimeAmount.seconds(5)

    /// In the middle of the first fetch.
    init(interval: TimeAmount, cooldown: TimeAmount) {
        self.interval = interval
        self.cooldown = cooldown
    }

    enum Answer: Equatable, Sendable {
        /// A fetch is under way, whose end is worth waiting for.
        case join
        /// The caller starts one now.
        case fetch
        /// Not now.
        case no
    }

    /// A token names a key that is not there.
    mutating func keyIsUnknown(now: NIODeadline) -> Answer {
        if isFetching { return .join }
        if let lastAsked, now < lastAsked + cooldown { return .no }
        lastAsked = now
        isFetching = true
        return .fetch
    }

    /// There are no keys yet at all.
    var withoutKeys: Answer { isFetching ? .join : .no }

    /// A timer has run out.
    ///
    /// - Returns: whether the caller starts a fetch now.
    mutating func timerFired(_ number: Int) -> Bool {
        guard number == timer, !isFetching else { return false }
        isFetching = true
        return true
    }

    /// A fetch has ended.
    ///
    /// - Returns: after how long the timer, whose number is `timer` now, is to fire.
    mutating func ended(wasGood: Bool) -> TimeAmount {
        isFetching = false
        timer += 1
        if wasGood {
            hasKeys = true
            failures = 0
            return interval
        }
        failures += 1
        let doublings = min(failures - 1, 6)
        let longest = hasKeys ? Self.longestPause : Self.longestPauseWithoutKeys
        return min(.nanoseconds(Self.firstPause.nanoseconds << Int64(doublings)), longest, interval)
    }
}
