/// An attempt that waits for a connection, and which ones are of use to it.
struct Waiter {
    let attempt: Attempt
    /// Endpoints that failed its request before.
    let tried: TriedEndpoints
    /// It belongs to one endpoint by its hash; otherwise any that it has not tried will do.
    let isBound: Bool
    /// Where the balancer sent it; nil: nowhere, there is no endpoint left.
    var wanted: LoopEndpoint?
    /// How often a connection came back and went to somebody behind it while it was the first.
    var passes = 0
    /// In which round of turns it is served; see `WaitingQueue`.
    fileprivate(set) var round: UInt64 = 0

    init(attempt: Attempt, tried: TriedEndpoints, isBound: Bool, wanted: LoopEndpoint?) {
        self.attempt = attempt
        self.tried = tried
        self.isBound = isBound
        self.wanted = wanted
    }

    /// Whether connections that were used before will do.
    var takesUsed: Bool { !attempt.settings.needsFreshConnection }
    var tenant: UInt64 { attempt.settings.tenant }
}

/// Attempts that wait for a connection; bounded by the `pending` breaker.
///
/// Callers take turns: in each round every caller that waits is served once, in the order in which they came. So one
/// that sends a thousand requests at once does not make the others wait for all of them (start-time fair queueing with
/// equal weights; Goyal, Vin, Cheng 1996).
struct WaitingQueue {
    /// Sorted by round; within a round by arrival.
    private var items: ContiguousArray<Waiter> = []
    /// Those before it have been served.
    private var head = 0
    /// The round of the one served last.
    private var round: UInt64 = 0
    private var tenants: [UInt64: Tenant] = [:]
    /// Who had a turn in this round. When it is full, all others count as if they had: callers that are new each time
    /// must not push those that wait out of the way.
    private var served: Set<UInt64> = []
    private static let servedLimit = 1024

    private struct Tenant {
        /// The round of its last one.
        var last: UInt64
        var count: Int
    }

    var isEmpty: Bool { head == items.count }
    var count: Int { items.count - head }

    var first: Waiter? { head < items.count ? items[head] : nil }

    /// How many of a caller's attempts wait here.
    func count(of tenant: UInt64) -> Int { tenants[tenant]?.count ?? 0 }

    mutating func append(_ waiter: Waiter) {
        var waiter = waiter
        let known = tenants[waiter.tenant]
        // Who had its turn in this round waits for the next one; otherwise one that asks for a single connection over and
        // over would always stand before somebody's second.
        let joinsNow = known == nil && served.count < Self.servedLimit && !served.contains(waiter.tenant)
        waiter.round = joinsNow ? round : max(round, known?.last ?? 0) + 1
        tenants[waiter.tenant] = Tenant(last: waiter.round, count: (known?.count ?? 0) + 1)
        items.insert(waiter, at: place(behind: waiter.round))
    }

    /// Behind all of that round and those before it.
    private func place(behind round: UInt64) -> Int {
        var (low, high) = (head, items.count)
        while low < high {
            let middle = (low + high) / 2
            if items[middle].round <= round { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func removeFirst() {
        guard head < items.count else { return }
        left(items[head])
        if items[head].round > round {
            round = items[head].round
            served.removeAll(keepingCapacity: true)
        }
        if served.count < Self.servedLimit { served.insert(items[head].tenant) }
        head += 1
        // Moved up in one go, so that taking all of them costs no more than one look at each.
        if head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
    }

    /// The first one that fits.
    func first(where fits: (Waiter) -> Bool) -> Waiter? { items[head...].first(where: fits) }

    /// Takes out one that is served, wherever it stands.
    mutating func takeOut(_ attempt: Attempt) { _ = take { $0.attempt === attempt } }

    /// Takes out the first one that fits; the one at the front is passed over if it does not.
    mutating func take(where fits: (Waiter) -> Bool) -> Waiter? {
        guard let i = items[head...].firstIndex(where: fits) else { return nil }
        let waiter = items[i]
        if i == head {
            removeFirst()
        } else {
            items[head].passes += 1
            if waiter.round == round, served.count < Self.servedLimit { served.insert(waiter.tenant) }
            remove(at: i)
        }
        return waiter
    }

    /// - Returns: whether it waited.
    @discardableResult
    mutating func remove(_ attempt: Attempt) -> Bool {
        guard let i = items[head...].firstIndex(where: { $0.attempt === attempt }) else { return false }
        if i == head { removeFirst() } else { remove(at: i) }
        return true
    }

    /// Takes out the newest attempt of the caller with the most of them here, if these are more than half of all and more
    /// than `count`.
    mutating func evictGreediest(beyond count: Int) -> Waiter? {
        // With so many callers none can have more than half; this is asked when there is most to do.
        guard tenants.count <= self.count / 2 + 1 else { return nil }
        var greediest: (tenant: UInt64, count: Int) = (0, count)
        for (tenant, entry) in tenants where tenant != 0 && entry.count > greediest.count {
            greediest = (tenant, entry.count)
        }
        guard greediest.tenant != 0, greediest.count * 2 > self.count,
            let i = items[head...].lastIndex(where: { $0.tenant == greediest.tenant })
        else { return nil }
        let waiter = items[i]
        if i == head { removeFirst() } else { remove(at: i) }
        return waiter
    }

    mutating func updateEach(_ change: (inout Waiter) -> Void) {
        for i in head..<items.count { change(&items[i]) }
    }

    private mutating func remove(at i: Int) {
        left(items[i])
        items.remove(at: i)
    }

    private mutating func left(_ waiter: Waiter) {
        guard let tenant = tenants[waiter.tenant] else { return }
        if tenant.count <= 1 {
            tenants[waiter.tenant] = nil
        } else {
            tenants[waiter.tenant] = Tenant(last: tenant.last, count: tenant.count - 1)
        }
    }
}
