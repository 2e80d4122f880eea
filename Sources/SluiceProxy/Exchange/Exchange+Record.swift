import NIOCore
import SluiceCore
import SluiceFilters
import SluiceUpstream

/// What is noted of an exchange for those who look at it when it is over.
extension Exchange {
    var nameOfRoute: [UInt8] { routeIndex >= 0 ? snapshot?.routes[routeIndex].name ?? [] : [] }
    var nameOfUpstream: [UInt8] { target?.name ?? [] }

    /// Nanoseconds of the monotonic clock.
    var timestamp: UInt64 { loop.now.uptimeNanoseconds }

    func beginRecord(_ snapshot: LoopSnapshot) {
        worker.metrics.active.increment()
        record.isTimed = snapshot.takesTimes
        if record.isTimed { record.began = timestamp }
    }

    /// A try begins.
    func beginAttemptRecord() {
        worker.metrics.attempts.increment()
        record.attempts += 1
        if record.isTimed, record.attemptBegan == 0 { record.attemptBegan = timestamp }
        guard filterWork.contains(.attempts), let chain = filterChain else { return }
        for index in chain.attemptFilters where index < filtersSeen { chain.filters[index].onAttempt(self) }
    }

    /// A try is over, and its answer, if there is one, not for the client.
    func endAttemptRecord(_ end: AttemptEnd) {
        noteEndpoint()
        guard filterWork.contains(.attempts), let chain = filterChain else { return }
        for index in chain.attemptFilters where index < filtersSeen { chain.filters[index].onAttemptEnd(self, end) }
    }

    /// An endpoint that could not be reached is the one to look at.
    private func noteEndpoint() {
        // Before the first try, the attempt still knows that of another request.
        if record.attempts > 0, let endpoint = attempt.endpoint { record.endpoint = endpoint }
    }

    /// The exchange is over: tells the filters that want to know, and the access log.
    func endRecord() {
        record.error = error
        if error != nil { noteEndpoint() }
        // The object served others before: what they were answered is nobody else's business.
        if !responseHeadSent { response.reset() }
        if record.isTimed { record.ended = timestamp }
        noteMissingStatus()
        if filterWork.contains(.end), let chain = filterChain {
            for index in chain.endFilters where index < filtersSeen { chain.filters[index].onEnd(self) }
        }
        guard snapshot != nil else { return }
        worker.metrics.active.increment(by: -1)
        // The exchange ends behind this.
        unretained(snapshot) { snapshot in
            if snapshot.routeMetrics.isOn { countForRoute(snapshot) }
            unretained(snapshot.accessLog) {
                $0.write(self, share: routeIndex >= 0 ? snapshot.routes[routeIndex].logShare : nil)
            }
        }
    }

    private func countForRoute(_ snapshot: LoopSnapshot) {
        let outcome = RouteOutcome(
            upstream: target.map { UInt(bitPattern: ObjectIdentifier($0)) } ?? 0,
            status: loggedStatus,
            error: error,
            grpcStatus: record.grpcStatus,
            called: translation?.calledMethod,
            nanoseconds: record.began > 0 ? Int64(clamping: record.ended &- record.began) : nil,
            requestBytes: record.requestBytes,
            responseBytes: record.responseBytes
        )
        let metrics = snapshot.routeMetrics.metrics(ofRoute: routeIndex) {
            var labels = snapshot.routes[routeIndex].call ?? RouteLabels(route: "")
            labels.route = String(decoding: nameOfRoute, as: UTF8.self)
            return labels
        }
        metrics?.record(outcome) { String(decoding: nameOfUpstream, as: UTF8.self) }
    }

    /// What the client got; without an answer, what stands for the reason; 0 for nothing at all.
    var loggedStatus: UInt16 { responseHeadSent ? response.status : error?.status ?? 0 }

    var listenerOfRecord: LoopListener? { source?.listener }

    var peerText: [UInt8] { source?.peer.text ?? [] }

    /// The client's address; behind trusted proxies not the peer's.
    var clientText: [UInt8] {
        guard let client else { return [] }
        // Without the operator, which another target's type has behind a table.
        if let source, let peer = source.peer.address, peer.high == client.high, peer.low == client.low {
            return source.peer.text
        }
        return Array(client.description.utf8)
    }
}
