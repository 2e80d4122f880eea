package import NIOCore
package import SluiceConfig
package import SluiceCore

/// One endpoint that a name stands for.
package struct DNSEndpoint: Hashable, Sendable {
    package var address: IPAddress
    package var port: Int
    /// For `BalancedEndpoint.priority`: lower serves first.
    package var priority: UInt16
    /// Share among those of the same priority; never 0.
    package var weight: UInt32

    package init(address: IPAddress, port: Int, priority: UInt16 = 0, weight: UInt32 = 1) {
        self.address = address
        self.port = port
        self.priority = priority
        self.weight = weight
    }
}

/// How a list of endpoints differs from the one before.
package struct DNSChange: Hashable, Sendable {
    package var added: [DNSEndpoint]
    /// As they were.
    package var removed: [DNSEndpoint]
    /// Same address and port, another weight or priority; as they are now.
    package var updated: [DNSEndpoint]
}

/// Follows one name over time: when to ask again, what to believe, what changed.
///
/// - Asks again when the shortest TTL of the answer has passed, held within `minTTL` and `maxTTL`.
/// - A failure of any kind, "no such name" included, keeps the last good answer and is tried again after a wait that
///   doubles from 1 s up to 30 s (or `maxTTL`, if shorter), of which a random half is taken off.
/// - Where an answer has a gap, what was known of that part stays, and the retry wait bounds the next question.
///
/// | state  | `tick`, not due | `tick`, due    | answer                       | failure              |
/// |--------|-----------------|----------------|------------------------------|----------------------|
/// | idle   | nothing         | ask, to asking | ignored: nobody asked        | ignored              |
/// | asking | nothing         | nothing        | believe it, idle for the TTL | keep, idle for a wait |
///
/// A value without I/O on the control side; each change is published to the loops from there.
package struct DNSTracker: Sendable {
    private enum State: Sendable {
        case idle(until: NIODeadline)
        case asking
    }

    private let minTTL: TimeAmount
    private let maxTTL: TimeAmount
    private let port: Int?
    private var random: RandomSource
    private var state: State
    private var failures = 0
    private var records: [DNSRecord] = []

    /// What the name stands for, by priority, address and port; empty until the first good answer.
    package private(set) var endpoints: [DNSEndpoint] = []
    /// Why the last question failed; nil after a good answer.
    package private(set) var lastError: DNSError?
    /// When the last good answer came; nil: never.
    package private(set) var lastSuccess: NIODeadline?

    /// Starts due. `port` is that of a host's endpoints; nil for a service, whose records say it.
    package init(_ model: DNSModel, port: Int?, random: RandomSource, now: NIODeadline) {
        minTTL = max(model.minTTL, .milliseconds(1))
        maxTTL = max(model.maxTTL, minTTL)
        self.port = port
        self.random = random
        state = .idle(until: now)
    }

    /// When `tick` wants to be called; nil while a question is out.
    package var nextDeadline: NIODeadline? {
        if case .idle(let until) = state { until } else { nil }
    }

    /// Whether to start a lookup now. After true, `finished` must follow.
    package mutating func tick(_ now: NIODeadline) -> Bool {
        guard case .idle(let until) = state, until <= now else { return false }
        state = .asking
        return true
    }

    /// Asks again at the next tick, whatever the TTL says: after connections to all endpoints failed, say.
    package mutating func refresh(_ now: NIODeadline) {
        if case .idle(let until) = state { state = .idle(until: min(until, now)) }
    }

    /// Takes in the result of the lookup.
    ///
    /// - Returns: what changed; nil when the endpoints are the same as before.
    package mutating func finished(_ result: Result<DNSAnswer, DNSError>, at now: NIODeadline) -> DNSChange? {
        guard case .asking = state else { return nil }
        switch result {
        case .failure(let error):
            lastError = error
            state = .idle(until: now + retryWait())
            return nil
        case .success(let answer):
            lastSuccess = now
            lastError = answer.gaps.first?.error
            let ttl = answer.records.map(\.ttl).min() ?? minTTL
            let wait = min(max(ttl, minTTL), maxTTL)
            if answer.gaps.isEmpty {
                failures = 0
                state = .idle(until: now + wait)
            } else {
                state = .idle(until: now + min(wait, retryWait()))
            }
            return believe(answer)
        }
    }

    /// The wait before asking again after one more failure.
    private mutating func retryWait() -> TimeAmount {
        failures = min(failures + 1, 6)
        let longest = min(TimeAmount.seconds(30), maxTTL)
        let full = min(TimeAmount.seconds(1 << Int64(failures - 1)), longest).nanoseconds
        return .nanoseconds(full - Int64(random.below(UInt64(full / 2))))
    }

    // MARK: - Change

    private mutating func believe(_ answer: DNSAnswer) -> DNSChange? {
        let kept = records.filter { old in answer.gaps.contains { $0.covers(old) } }
        records = answer.records + kept
        let before = endpoints
        endpoints = Self.endpoints(of: records, port: port)
        return Self.change(from: before, to: endpoints)
    }

    private struct Place: Hashable {
        var address: IPAddress
        var port: Int

        init(_ endpoint: DNSEndpoint) {
            address = endpoint.address
            port = endpoint.port
        }
    }

    /// One endpoint per address and port: the first record of the best priority says the rest.
    private static func endpoints(of records: [DNSRecord], port: Int?) -> [DNSEndpoint] {
        var known: [Place: DNSEndpoint] = [:]
        for record in records {
            guard let port = port ?? record.port.map({ Int($0) }) else { continue }
            let endpoint = DNSEndpoint(
                address: record.address,
                port: port,
                priority: record.priority,
                weight: max(UInt32(record.weight), 1)
            )
            if let other = known[Place(endpoint)], other.priority <= endpoint.priority { continue }
            known[Place(endpoint)] = endpoint
        }
        return known.values.sorted {
            ($0.priority, $0.address.high, $0.address.low, $0.port)
                < ($1.priority, $1.address.high, $1.address.low, $1.port)
        }
    }

    private static func change(from before: [DNSEndpoint], to after: [DNSEndpoint]) -> DNSChange? {
        let old = Dictionary(before.map { (Place($0), $0) }) { first, _ in first }
        let new = Set(after.map(Place.init))
        let change = DNSChange(
            added: after.filter { old[Place($0)] == nil },
            removed: before.filter { !new.contains(Place($0)) },
            updated: after.filter { endpoint in old[Place(endpoint)].map { $0 != endpoint } ?? false }
        )
        return change.added.isEmpty && change.removed.isEmpty && change.updated.isEmpty ? nil : change
    }
}

extension DNSGap {
    /// Whether the record is of the part that is not known now.
    fileprivate func covers(_ record: DNSRecord) -> Bool {
        record.target == target && record.address.isV4 == isV4 && record.port == port
    }
}
