internal import NIOCore

/// Warnings of what works but is likely to go wrong.
extension Validation {
    func lintWhole(used: Set<String>) {
        if model.listeners.isEmpty, let file = context.diagnostics.sources.first {
            let start = SourceSpan(place: SourcePlace(file: file.path, line: 1, column: 1))
            let help = "add one to 'listeners', or run with '--listen'"
            context.report(.noListener, .warning, at: start, "the configuration has no listener", help: help)
        }
        for upstream in model.upstreams where !used.contains(upstream.name) {
            context.report(
                .unusedUpstream,
                .warning,
                at: SourceSpan(place: upstream.place, length: upstream.name.unicodeScalars.count),
                "no route uses upstream '\(Printable.short(upstream.name))'"
            )
        }
    }

    func lintUpstreams() {
        let hashed = upstreamsWithRouteHash()
        for upstream in model.upstreams {
            let hash: [HashKey]
            switch upstream.balancing {
            case .ringHash(_, let keys), .maglev(_, let keys): hash = keys
            case .roundRobin, .leastRequest, .random: continue
            }
            guard hash.isEmpty, !hashed.contains(upstream.name) else { continue }
            context.report(
                .hashWithoutKey,
                .warning,
                at: SourceSpan(place: upstream.place),
                "upstream '\(Printable.short(upstream.name))' balances by hash, but nothing says what is hashed",
                help: "add 'hash: [source]' to 'load_balancing'"
            )
        }
    }

    /// Upstreams for which some route says itself what is hashed.
    private func upstreamsWithRouteHash() -> Set<String> {
        var names: Set<String> = []
        for route in model.routes {
            guard case .forward(let forward) = route.action, !forward.hash.isEmpty else { continue }
            for target in forward.targets { names.insert(target.upstream) }
        }
        return names
    }

    func lintRoutes() {
        for route in model.routes where !broken.contains(route.place) {
            guard case .forward(let forward) = route.action else { continue }
            if route.timeout == nil, !route.isUntimedOnPurpose { warnUntimed(route) }
            if let mirror = forward.mirror { lintMirror(route, forward, mirror) }
            guard let retry = forward.retry else { continue }
            lintTryTimeout(route, retry)
            lintBudget(route, forward)
        }
    }

    private func warnUntimed(_ route: RouteModel) {
        context.report(
            .noTimeout,
            .warning,
            at: SourceSpan(place: route.place),
            "route '\(Printable.short(route.name))' has no timeout for the whole request",
            help: "add 'timeout: 30s', or 'timeout: 0' where none is meant"
        )
    }

    private func lintMirror(_ route: RouteModel, _ forward: ForwardModel, _ mirror: MirrorModel) {
        guard let same = forward.targets.first(where: { $0.upstream == mirror.upstream && $0.weight > 0 }) else {
            return
        }
        context.report(
            .mirrorToItself,
            .warning,
            at: SourceSpan(place: mirror.place, length: mirror.upstream.unicodeScalars.count),
            "route '\(Printable.short(route.name))' sends copies to upstream '\(Printable.short(mirror.upstream))', which gets the requests themselves",
            notes: [Diagnostic.Note(text: "the requests go here", span: SourceSpan(place: same.place))],
            help: "mirror to an upstream of its own, or everything there is done twice"
        )
    }

    private func lintTryTimeout(_ route: RouteModel, _ retry: RetryModel) {
        guard let perTry = retry.perTryTimeout, let timeout = route.timeout, perTry >= timeout else { return }
        context.report(
            .tryTimeoutTooLong,
            .warning,
            at: SourceSpan(place: route.place),
            "route '\(Printable.short(route.name))' gives one try \(Units.showDuration(perTry)) of \(Units.showDuration(timeout)) in all, so a slow try leaves no time for another"
        )
    }

    /// A budget of nothing allows no retry; one of everything is none.
    private func lintBudget(_ route: RouteModel, _ forward: ForwardModel) {
        for target in forward.targets {
            guard let position = upstreams[target.upstream] else { continue }
            let limits = model.upstreams[position].limits
            let name = Printable.short(target.upstream)
            let problem: String? =
                if limits.retryBudget <= 0, limits.minRetries == 0 {
                    "but the budget of upstream '\(name)' allows no retry"
                } else if limits.retryBudget >= 1 {
                    "and upstream '\(name)' sets no budget for it, which multiplies load when servers fail"
                } else {
                    nil
                }
            guard let problem else { continue }
            context.report(
                .retryWithoutBudget,
                .warning,
                at: SourceSpan(place: route.place),
                "route '\(Printable.short(route.name))' retries, \(problem)",
                help: "set 'retry_budget' in the upstream's 'limits'"
            )
            return
        }
    }
}
