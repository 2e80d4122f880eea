import NIOCore
package import SluiceConfig
package import SluiceCore
package import SluiceFilters
import SluiceRouting
import SluiceUpstream

/// Turns a validated model into what runs. Everything here happens off the loops.
package enum SnapshotCompiler {
    /// The part that all loops share.
    package static func compile(_ model: GatewayModel) throws -> SharedSnapshot {
        SharedSnapshot(
            model: model,
            table: try RouteTable.compile(model.routes, listeners: model.listeners.map(\.name))
        )
    }

    /// The part that is one loop's own; handed to it by `Worker.install`.
    ///
    /// - Parameters:
    ///   - surroundings: what the filters of this loop have in common; the configuration itself is filled in.
    ///   - logSink: where lines of the access log go; nil: nowhere.
    package static func instantiate(
        _ shared: SharedSnapshot,
        for loop: LoopContext,
        surroundings: FilterSurroundings = FilterSurroundings(),
        logSink: (any LogSink)? = nil
    ) throws -> LoopSnapshot {
        var surroundings = surroundings
        surroundings.follow(shared.model)
        var builder = try LoopSnapshotBuilder(shared.model, loop, surroundings)
        var routes: ContiguousArray<CompiledRoute> = []
        routes.reserveCapacity(shared.model.routes.count)
        for (index, route) in shared.model.routes.enumerated() {
            let names = shared.table.captureNames(ofRoute: index, path: route.match.path)
            routes.append(try builder.route(route, captureNames: names))
        }
        return LoopSnapshot(
            shared: shared,
            routes: routes,
            globalChain: builder.globalChain,
            upstreamNames: builder.upstreamNames,
            callouts: surroundings.callouts,
            takesTimes: shared.model.takesTimes,
            accessLog: logSink.flatMap { sink in
                shared.model.accessLog.map { AccessLog($0, loop: loop, sink: sink) }
            },
            metrics: shared.model.admin == nil ? nil : surroundings.metrics
        )
    }
}

extension GatewayModel {
    /// The access log, which hides what filters look for credentials in.
    fileprivate var accessLog: AccessLogModel? {
        guard var log = telemetry.accessLog else { return nil }
        for filter in filters { log.redact.formUnion(filter.configuration.needs.secretNames) }
        for route in routes {
            for filter in route.filters { log.redact.formUnion(filter.configuration.needs.secretNames) }
        }
        return log
    }

    /// Whether anybody looks at the times of exchanges; reading the clock is not free.
    fileprivate var takesTimes: Bool {
        telemetry.accessLog != nil || admin != nil || filters.contains { $0.configuration.needs.times }
            || routes.contains { $0.filters.contains { $0.configuration.needs.times } }
    }
}

/// Why a model that passed its checks still cannot run.
package enum SnapshotError: Error {
    /// This binary has a configuration type of that name, but nothing that carries it out.
    case notRunnable(filter: String, SourcePlace)
}

/// Collects what routes have in common while one loop's copy is built.
private struct LoopSnapshotBuilder {
    let upstreamNames: [String]
    private let upstreamIndex: [String: Int]
    private let loop: LoopContext
    private let surroundings: FilterSurroundings
    /// Shared by all chains of this loop.
    private let global: [PlacedFilter]
    let globalChain: FilterChain?
    /// Shared by all routes that say nothing about upgrades.
    private let defaultUpgradeNames = ["websocket"]
    private let defaultUpgrades = [Array("websocket".utf8)]

    init(_ model: GatewayModel, _ loop: LoopContext, _ surroundings: FilterSurroundings) throws {
        self.loop = loop
        self.surroundings = surroundings
        upstreamNames = model.upstreams.map(\.name)
        upstreamIndex = Dictionary(model.upstreams.enumerated().map { ($1.name, $0) }) { first, _ in first }
        var factory = FilterFactory(loop, surroundings)
        global = try factory.make(model.filters, scope: "global")
        globalChain = model.filters.isEmpty ? nil : FilterChain(global, slotCount: global.count)
    }

    mutating func route(_ model: RouteModel, captureNames: [String]) throws -> CompiledRoute {
        var action = CompiledRoute.Action.forward
        var forward: ForwardPlan?
        var respond: RespondPlan?
        var redirect: RedirectPlan?
        switch model.action {
        case .forward(let plan): forward = try self.forward(plan, model.match)
        case .respond(let plan):
            action = .respond
            respond = try self.respond(plan)
        case .redirect(let plan):
            action = .redirect
            redirect = try self.redirect(plan, model.match)
        }
        return CompiledRoute(
            action: action,
            timeoutTicks: model.timeout.map(ticks) ?? TimerNode.never,
            responseHeadTicks: model.responseHeadTimeout.map(ticks),
            streamIdleTicks: model.streamIdleTimeout.map(ticks),
            bodyLimit: model.bodyLimit ?? .max,
            chain: try chain(model),
            forward: forward,
            respond: respond,
            redirect: redirect,
            upgrades: model.upgrades == defaultUpgradeNames ? defaultUpgrades : model.upgrades.map { Array($0.utf8) },
            captureNames: captureNames,
            name: model.name.utf8.map { $0 },
            call: RouteLabels(calls: model.match),
            logShare: model.logShare.map(AccessLog.threshold)
        )
    }

    private func ticks(_ amount: TimeAmount) -> UInt64 {
        amount > .zero ? TimerWheel.ticks(nanoseconds: amount.nanoseconds) : TimerNode.never
    }

    private func chain(_ route: RouteModel) throws -> FilterChain? {
        guard !route.filters.isEmpty else { return globalChain }
        var factory = FilterFactory(loop, surroundings, slots: global.count)
        let own = try factory.make(route.filters, scope: "route \(route.name)")
        let kept = FilterOrder.kept(global, beside: route.filters, model: \.model)
        return FilterChain(kept + own, slotCount: global.count + own.count)
    }

    // MARK: - Actions

    private func forward(_ model: ForwardModel, _ match: MatchModel) throws -> ForwardPlan {
        let targets = model.targets.compactMap { target in
            upstreamIndex[target.upstream].map { (upstream: $0, weight: target.weight) }
        }
        let mirror = model.mirror.flatMap { mirror in
            upstreamIndex[mirror.upstream].map {
                MirrorPlan(upstream: $0, threshold: UInt64(max(0, min(1, mirror.share)) * 4_294_967_296))
            }
        }
        return ForwardPlan(
            model,
            targets: targets,
            rewrite: try model.rewrite.map { try rewrite($0, match) },
            mirror: mirror
        )
    }

    private func rewrite(_ model: RewriteModel, _ match: MatchModel) throws -> PathRewrite {
        switch model {
        case .prefix(let replacement):
            return .prefix(matched: matchedLength(match), replacement: Array(replacement.utf8))
        case .path(let template): return .template(try Template.parse(template).get())
        case .regex(let pattern, let substitution):
            return .regex(try RegularExpression(pattern), substitution: Array(substitution.utf8))
        }
    }

    /// How many bytes of a path the route's prefix (or whole exact path) stands for.
    private func matchedLength(_ match: MatchModel) -> Int {
        switch match.path {
        // As a request carries it: `/café` is `/caf%C3%A9`.
        case .exact(let path): PathLiteral.bytes(path).count
        case .prefix(let path): PathLiteral.bytes(path).count - (path.hasSuffix("/") ? 1 : 0)
        case .any, .template, .regex: 0
        }
    }

    private func respond(_ model: RespondModel) throws -> RespondPlan {
        RespondPlan(
            status: UInt16(clamping: model.status),
            body: try Template.parse(model.body).get(),
            contentType: Array(model.contentType.utf8),
            fields: try model.headers.map { (name: Array($0.name.utf8), value: try Template.parse($0.value).get()) }
        )
    }

    private func redirect(_ model: RedirectModel, _ match: MatchModel) throws -> RedirectPlan {
        RedirectPlan(
            status: UInt16(clamping: model.status),
            to: try model.to.map { try Template.parse($0).get() },
            prefix: model.prefix.map { (matched: matchedLength(match), replacement: Array($0.utf8)) },
            scheme: model.scheme,
            host: model.host.map { Array($0.utf8) },
            port: model.port,
            keepsQuery: model.keepQuery
        )
    }
}

extension RouteLabels {
    /// Service and method of a route that is for one of them and for gRPC alone; nil: it is not.
    fileprivate init?(calls match: MatchModel) {
        let type = FieldMatch(name: "content-type", value: .prefix("application/grpc"))
        guard match.headers.contains(type) else { return nil }
        self.init(route: "")
        switch match.path {
        case .exact(let path):
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            (service, method) = (String(parts[1]), String(parts[2]))
        case .prefix(let path): service = String(path.drop { $0 == "/" })
        case .any, .template, .regex: return nil
        }
    }
}
