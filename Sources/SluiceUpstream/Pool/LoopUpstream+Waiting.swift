import SluiceConfig
import SluiceCore

/// Attempts that wait for a connection.
///
/// The limit is one on all connections of the upstream, whatever endpoint they go to. So who waits never waits for an
/// endpoint, only for room: a connection that comes back makes room, and if its endpoint is of no use to anybody who
/// waits, it is closed in favour of one that is. Rules:
///
/// 1. A connection goes to the first one that it fits: of the attempts that their hash binds to an endpoint those bound
///    to this one, of the others all but those whose request this endpoint failed already.
/// 2. Where it does not fit the first of all, that one lets others pass, but only while a connection that does fit may
///    still come back to it, and not more often than this loop has connections. Then the connection is closed and one
///    opened to the endpoint that the first one wants. Thus everybody is served, and hardly any connection is thrown
///    away.
/// 3. The same if it fits nobody.
/// 4. Room that comes about in other ways (a connection ended, another loop let one go) goes to the first.
extension LoopUpstream {
    // MARK: - Joining and leaving

    /// There is no idle connection: an attempt takes its place among those that wait.
    func wait(_ attempt: Attempt, for endpoint: LoopEndpoint, _ tried: TriedEndpoints) {
        // A connection for a request too many would be opened for nothing. One that comes back leaves a place behind.
        if !hasPlaceForRequest, mayOpen { return attempt.failed(.upstreamOverflow) }
        let evicted: Attempt?
        switch join(attempt) {
        case .refused(let error): return attempt.failed(error)
        case .joined(let other): evicted = other
        }
        attempt.place = .pending
        waiting.append(Waiter(attempt: attempt, tried: tried, isBound: isBound(attempt), wanted: endpoint))
        // Only now: it may have a next request at hand, which must not find the place free.
        evicted?.failed(.tenantShareExceeded)
        serveWaiters()
    }

    private enum Joining {
        /// Perhaps in the place of another one, which is to be told.
        case joined(evicted: Attempt?)
        case refused(GatewayError)
    }

    /// Finds a place among those that wait.
    ///
    /// No caller keeps another one out: while others wait it has no more than its share, and when all places are taken,
    /// the one that has most of them gives its newest up for a caller that has fewer. What belongs to no caller (0: the
    /// gateway's own requests) has no share and gives nothing up.
    private func join(_ attempt: Attempt) -> Joining {
        let limit = settings.limits.pending
        let tenant = attempt.settings.tenant
        let own = waiting.count(of: tenant)
        if tenant != 0, own > 0, waiting.count > own,
            Double(own) >= Double(limit) * settings.limits.tenantShare.pending
        {
            return .refused(.tenantShareExceeded)
        }
        // A loop without a connection may always open one, and so its first attempt may always wait for it. And what
        // waits on other loops must not keep out the first one on this.
        let isExempt = open == 0 || (waiting.isEmpty && connecting == 0 && limit > 0)
        if breakers.tryAcquire(.pending, limit: limit, isExempt: isExempt) { return .joined(evicted: nil) }
        guard let greedy = waiting.evictGreediest(beyond: own + 1) else { return .refused(.upstreamOverflow) }
        // Its place is the new one's now.
        greedy.attempt.place = .none
        return .joined(evicted: greedy.attempt)
    }

    private func isBound(_ attempt: Attempt) -> Bool {
        guard case .table = balancer.plan.rule else { return false }
        return attempt.hash != nil
    }

    /// An attempt that waits is given up.
    func forget(_ attempt: Attempt) {
        if let pending = attempt.pending {
            pending.attempt = nil
            attempt.pending = nil
        } else {
            waiting.remove(attempt)
        }
    }

    /// The list of endpoints has changed: a hash may lead elsewhere, and an endpoint may be gone or not be used.
    func sendWaitersAnew() {
        waiting.updateEach { waiter in
            if !waiter.isBound, let wanted = waiter.wanted, isUsed(wanted) { return }
            waiter.wanted = choose(for: waiter.attempt, excluding: waiter.tried)
        }
    }

    private func isUsed(_ endpoint: LoopEndpoint) -> Bool {
        let isCandidate = balancer.plan.isCandidate
        return isCandidate.indices.contains(endpoint.index) && isCandidate[endpoint.index]
    }

    // MARK: - A connection came back

    /// Finds a use for a connection that came back while somebody waits.
    ///
    /// - Returns: false: nobody can be served at the moment, so that it is idle.
    func serveWaiter(with connection: UpstreamConnection) -> Bool {
        guard hasPlaceForRequest, let first = waiting.first else { return false }
        if fits(first, connection.endpoint) || mayLetPass(first) {
            if let waiter = waiting.take(where: { fits($0, connection.endpoint) }) {
                guard admit(waiter.attempt) else {
                    // Another loop was faster in this very moment.
                    waiter.attempt.failed(.upstreamOverflow)
                    return false
                }
                hand(connection, to: waiter.attempt, isReused: connection.served > 0)
                return true
            }
        }
        let hasRoom = forget(connection)
        connection.close()
        serveWaiters(hasRoom: hasRoom)
        return true
    }

    private func fits(_ waiter: Waiter, _ endpoint: LoopEndpoint) -> Bool {
        guard waiter.takesUsed else { return false }
        if waiter.isBound { return waiter.wanted === endpoint }
        guard isUsed(endpoint) else { return false }
        // Who was sent to an endpoint that it has tried has tried them all.
        return !waiter.tried.contains(endpoint.id) || waiter.wanted.map { waiter.tried.contains($0.id) } ?? true
    }

    /// Whether the first of all may let others pass: a connection for it is under way, and has not been for too long.
    private func mayLetPass(_ first: Waiter) -> Bool {
        guard first.takesUsed, first.passes < open, let wanted = first.wanted else { return false }
        return wanted.open > 0
    }

    // MARK: - There may be room

    /// Counting those whose connection is being opened, and of them only this loop's.
    private var hasPlaceForRequest: Bool { breakers.current(.requests) + connecting < settings.limits.requests }

    /// Serves those who wait, as far as there is room.
    ///
    /// - Parameter hasRoom: a place among the connections has been taken for this already.
    func serveWaiters(hasRoom: Bool = false) {
        guard !waiting.isEmpty || hasRoom else { return }
        guard !isServing else {
            // A connect that fails at once comes back here; the loop below goes on by itself.
            if hasRoom { breakers.release(.connections) }
            return
        }
        isServing = true
        var hasRoom = hasRoom
        while hasPlaceForRequest, let waiter = waiting.first(where: { !isHeld($0) }), serve(waiter, &hasRoom) {}
        isServing = false
        if hasRoom { breakers.release(.connections) }
        if !waiting.isEmpty { wheel.arm(self, in: Self.lookAgainTicks) }
    }

    /// Other loops make room without saying so.
    private static let lookAgainTicks: UInt64 = 1

    /// Whether it waits for a connection that is being opened, since many can use that. Those behind it must not wait
    /// along: they may want another endpoint.
    private func isHeld(_ waiter: Waiter) -> Bool {
        guard let wanted = waiter.wanted else { return false }
        return sharesConnection(of: wanted) && !wanted.hasStream(for: waiter.attempt)
    }

    /// Serves the first one that can be.
    ///
    /// - Returns: false when there is no room.
    private func serve(_ first: Waiter, _ hasRoom: inout Bool) -> Bool {
        let attempt = first.attempt
        guard let endpoint = first.wanted else {
            waiting.takeOut(attempt)
            attempt.failed(.noHealthyUpstream)
            return true
        }
        if let stream = endpoint.takeStream(for: attempt) { return hand(stream, toWaiting: attempt) }
        if first.takesUsed, let connection = takeIdle(of: endpoint) {
            guard admit(attempt) else {
                endpoint.pushIdle(connection)
                return false
            }
            waiting.takeOut(attempt)
            hand(connection, to: attempt, isReused: connection.served > 0)
            return true
        }
        if hasRoom || reserveConnection() {
            hasRoom = false
            waiting.takeOut(attempt)
            connect(to: endpoint, for: attempt)
            return true
        }
        // The places of the connections may all be taken by those of other endpoints, which do not come back.
        for other in endpoints where fits(first, other) {
            if let stream = other.takeStream(for: attempt) { return hand(stream, toWaiting: attempt) }
        }
        return false
    }

    private func hand(_ stream: UpstreamStream, toWaiting attempt: Attempt) -> Bool {
        guard admit(attempt) else {
            stream.abandon()
            return false
        }
        waiting.takeOut(attempt)
        hand(stream, to: attempt)
        return true
    }
}
