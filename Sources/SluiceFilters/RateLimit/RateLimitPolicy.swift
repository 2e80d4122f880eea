/// How many requests in how much time, and by which rule they are counted.
struct RateLimitPolicy: Hashable, Sendable {
    enum Algorithm: String, CaseIterable, Sendable {
        case tokenBucket = "token_bucket"
        case slidingWindow = "sliding_window"
        case fixedWindow = "fixed_window"
    }

    var algorithm: Algorithm
    var count: UInt64
    /// Nanoseconds.
    var period: UInt64
    /// Tokens that a full bucket holds; only for `tokenBucket`.
    var burst: UInt64

    /// Nanoseconds for one token.
    var interval: UInt64 { max(1, (period + count / 2) / count) }

    /// What `RateLimit-Limit` says.
    var limit: UInt64 {
        switch algorithm {
        case .tokenBucket: burst
        case .slidingWindow, .fixedWindow: count
        }
    }
}

/// What became of one request.
struct RateLimitDecision: Equatable, Sendable {
    var isAllowed: Bool
    /// Requests that would pass now, one after the other.
    var remaining: UInt64
    /// Nanoseconds until all of the limit is there again.
    var reset: UInt64
    /// Nanoseconds until another request has a chance; 0 for an allowed one.
    var retryAfter: UInt64
}

/// One state and one request: pure arithmetic, so that loops may run it in a compare-and-swap.
///
/// States are one 64-bit word; 0 is that of a key that was never seen. `now` is in nanoseconds and never 0; it may go
/// back a little, since loops read clocks on their own.
extension RateLimitPolicy {
    func decide(_ state: UInt64, now: UInt64) -> (decision: RateLimitDecision, state: UInt64) {
        switch algorithm {
        case .tokenBucket: bucket(state, now)
        case .fixedWindow: fixed(state, now)
        case .slidingWindow: sliding(state, now)
        }
    }

    /// Whether a state says no more than none at all, so that its place may be used for another key.
    func isIdle(_ state: UInt64, now: UInt64) -> Bool {
        switch algorithm {
        case .tokenBucket: state <= now
        case .fixedWindow: state >> 32 != fixedNumber(state, now)
        case .slidingWindow: (2..<Self.numberMask).contains(windowDistance(state, now))
        }
    }

    // MARK: - Token bucket

    /// GCRA (ITU-T I.371, the virtual scheduling algorithm): the state is the time at which the bucket will be full.
    private func bucket(_ state: UInt64, _ now: UInt64) -> (RateLimitDecision, UInt64) {
        let full = max(state, now)
        let depth = interval &* burst
        let next = full &+ interval
        guard next - now <= depth else {
            let wait = next - now - depth
            return (RateLimitDecision(isAllowed: false, remaining: 0, reset: full - now, retryAfter: wait), state)
        }
        let remaining = (depth - (next - now)) / interval
        return (RateLimitDecision(isAllowed: true, remaining: remaining, reset: next - now, retryAfter: 0), next)
    }

    // MARK: - Windows

    private func window(_ now: UInt64) -> UInt64 { now / period }

    /// The window that a request belongs to: the next one, where another loop whose clock is a little ahead is there
    /// already, or the two would wipe out each other's counts.
    private func fixedNumber(_ state: UInt64, _ now: UInt64) -> UInt64 {
        let own = window(now) & 0xFFFF_FFFF
        return state >> 32 == (own + 1) & 0xFFFF_FFFF ? state >> 32 : own
    }

    /// The state is the number of the window and the requests in it, 32 bits each.
    private func fixed(_ state: UInt64, _ now: UInt64) -> (RateLimitDecision, UInt64) {
        let number = fixedNumber(state, now)
        let used = state >> 32 == number ? state & 0xFFFF_FFFF : 0
        let rest = period - now % period
        guard used < count else {
            return (RateLimitDecision(isAllowed: false, remaining: 0, reset: rest, retryAfter: rest), state)
        }
        let decision = RateLimitDecision(isAllowed: true, remaining: count - used - 1, reset: rest, retryAfter: 0)
        return (decision, number << 32 | (used + 1))
    }

    private static let slotBits: UInt64 = 22
    private static let slotMask: UInt64 = (1 << 22) - 1
    private static let numberMask: UInt64 = (1 << 20) - 1
    /// The most that a sliding window can count.
    static let slidingLimit: UInt64 = slotMask

    private func windowDistance(_ state: UInt64, _ now: UInt64) -> UInt64 {
        (window(now) &- (state >> (2 * Self.slotBits))) & Self.numberMask
    }

    /// The state is the number of the window (20 bits), the requests in the one before and those in it (22 bits each).
    /// What counts is this window and the share of the one before that lies within the last period, as if its requests
    /// had come evenly.
    private func sliding(_ state: UInt64, _ now: UInt64) -> (RateLimitDecision, UInt64) {
        var number = window(now) & Self.numberMask
        var rest = period - now % period
        var (before, used) = (state >> Self.slotBits & Self.slotMask, state & Self.slotMask)
        switch windowDistance(state, now) {
        case 0: if state == 0 { (before, used) = (0, 0) }
        case 1: (before, used) = (used, 0)
        // Another loop whose clock is a little ahead is in the next window already.
        case Self.numberMask where state != 0:
            number = (number + 1) & Self.numberMask
            rest = period
        default: (before, used) = (0, 0)
        }
        let weighted = Self.scaled(before, by: rest, of: period)
        let reset = rest + (used > 0 ? period : 0)
        guard weighted + used < count else {
            let wait = waitForRoom(before, used, rest)
            return (RateLimitDecision(isAllowed: false, remaining: 0, reset: reset, retryAfter: wait), state)
        }
        let decision = RateLimitDecision(
            isAllowed: true,
            remaining: count - weighted - used - 1,
            reset: rest + period,
            retryAfter: 0
        )
        return (decision, number << (2 * Self.slotBits) | before << Self.slotBits | (used + 1))
    }

    /// Rounded up, so that the limit is never passed.
    private static func scaled(_ value: UInt64, by part: UInt64, of whole: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: part)
        let (quotient, remainder) = whole.dividingFullWidth((high, low))
        return quotient + (remainder > 0 ? 1 : 0)
    }

    /// Until the window before has slid out far enough; if this one is full too, until it is the one before and has.
    private func waitForRoom(_ before: UInt64, _ used: UInt64, _ rest: UInt64) -> UInt64 {
        if used < count, before > 0 {
            // weighted(rest') <= count - used - 1
            let (high, low) = period.multipliedFullWidth(by: count - used - 1)
            let needed = before.dividingFullWidth((high, low)).quotient
            return rest > needed ? rest - needed : 0
        }
        let (high, low) = period.multipliedFullWidth(by: count - 1)
        let needed = max(used, 1).dividingFullWidth((high, low)).quotient
        return rest + (period > needed ? period - needed : 0)
    }
}
