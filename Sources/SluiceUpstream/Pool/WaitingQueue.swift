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

    /// Whether connections that were used before will do.
    var takesUsed: Bool { !attempt.settings.needsFreshConnection }
}

/// Attempts that wait for a connection, in the order in which they came; bounded by the `pending` breaker.
struct WaitingQueue {
    private var items: ContiguousArray<Waiter> = []
    /// Those before it have been served.
    private var head = 0

    var isEmpty: Bool { head == items.count }

    var first: Waiter? { head < items.count ? items[head] : nil }

    mutating func append(_ waiter: Waiter) { items.append(waiter) }

    mutating func removeFirst() {
        guard head < items.count else { return }
        head += 1
        // Moved up in one go, so that taking all of them costs no more than one look at each.
        if head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
    }

    /// Takes out the first one that fits; the one at the front is passed over if it does not.
    mutating func take(where fits: (Waiter) -> Bool) -> Waiter? {
        guard let i = items[head...].firstIndex(where: fits) else { return nil }
        let waiter = items[i]
        if i == head {
            removeFirst()
        } else {
            items[head].passes += 1
            items.remove(at: i)
        }
        return waiter
    }

    /// - Returns: whether it waited.
    @discardableResult
    mutating func remove(_ attempt: Attempt) -> Bool {
        guard let i = items[head...].firstIndex(where: { $0.attempt === attempt }) else { return false }
        if i == head { removeFirst() } else { items.remove(at: i) }
        return true
    }

    mutating func updateEach(_ change: (inout Waiter) -> Void) {
        for i in head..<items.count { change(&items[i]) }
    }
}
