import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceUpstream

/// What a route does with a request that it forwards; one per route and loop.
final class ForwardPlan {
    private let targets: ContiguousArray<(upstream: Int, cumulativeWeight: UInt64)>
    private let totalWeight: UInt64
    /// nil: what the chosen upstream says.
    private let routeHost: HostField?
    let retries: RetryPolicy
    let perTryTicks: UInt64
    let rewrite: PathRewrite?
    let mirror: MirrorPlan?
    /// Empty: those of the chosen upstream.
    private let routeStickyKeys: [StickyKey]

    init(_ model: ForwardModel, targets: [(upstream: Int, weight: UInt32)], rewrite: PathRewrite?, mirror: MirrorPlan?)
    {
        var sum: UInt64 = 0
        var list: ContiguousArray<(upstream: Int, cumulativeWeight: UInt64)> = []
        for (upstream, weight) in targets where weight > 0 {
            sum += UInt64(weight)
            list.append((upstream: upstream, cumulativeWeight: sum))
        }
        self.targets = list
        self.totalWeight = sum
        self.routeHost = model.host.map(HostField.init)
        self.retries = RetryPolicy(model.retry)
        self.perTryTicks =
            retries.perTryTimeout.map { TimerWheel.ticks(nanoseconds: $0.nanoseconds) } ?? TimerNode.never
        self.rewrite = rewrite
        self.mirror = mirror
        self.routeStickyKeys = model.hash.map(StickyKey.init)
    }

    /// The upstream for a new request, by weight: its place among the snapshot's upstreams.
    @inline(__always)
    func pickTarget(_ random: inout RandomSource) -> Int? {
        if targets.count == 1 { return targets[0].upstream }
        let draw = random.below(totalWeight)
        for target in targets where draw < target.cumulativeWeight { return target.upstream }
        return nil
    }

    func isSticky(_ upstream: LoopUpstream) -> Bool { !routeStickyKeys.isEmpty || upstream.hasStickyKeys }

    func stickyKeys(for upstream: LoopUpstream) -> [StickyKey] {
        routeStickyKeys.isEmpty ? upstream.stickyKeys : routeStickyKeys
    }

    func host(for upstream: LoopUpstream) -> HostField { routeHost ?? upstream.host }

    /// False: all weights are 0.
    var hasTargets: Bool { totalWeight > 0 }

    /// How much of the request body is kept in case it must be sent again.
    ///
    /// Also without a retry policy a little is kept for the one safe resend.
    var replayLimit: Int { max(retries.bufferBytes, Worker.bufferLimit) }

    /// Whether any status is tried again at all.
    var mayRetryAnswers: Bool { retries.maxRetries > 0 }
}

/// A fixed answer.
struct RespondPlan {
    let status: UInt16
    let body: Template
    let contentType: [UInt8]
    let fields: [(name: [UInt8], value: Template)]
}

/// A copy of requests to another upstream whose answer nobody waits for.
struct MirrorPlan {
    /// Place among the snapshot's upstreams.
    let upstream: Int
    /// 0 ... 2^32: of how many requests out of 2^32.
    let threshold: UInt64
}
