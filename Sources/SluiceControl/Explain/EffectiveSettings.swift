import NIOCore
import SluiceConfig

/// The timeouts and bounds that hold for the requests of a route, each with whose it is.
///
/// Values that equal the default are told as such, also where a file repeats them.
struct EffectiveSettings {
    private let route: RouteModel
    private let listener: ListenerModel
    /// The upstreams that may get the request, each once.
    private let upstreams: [UpstreamModel]

    init(_ model: GatewayModel, _ route: RouteModel, _ listener: ListenerModel) {
        self.route = route
        self.listener = listener
        guard case .forward(let forward) = route.action else {
            upstreams = []
            return
        }
        let names = Set(forward.targets.filter { $0.weight > 0 }.map(\.upstream))
        upstreams = model.upstreams.filter { names.contains($0.name) }
    }

    // MARK: Timeouts

    var timeouts: [Setting] {
        let ours = listener.timeouts
        let standard = ListenerTimeouts()
        var all = [duration("request_head", ours.requestHead, standard.requestHead, ofListener)]
        if case .forward(let forward) = route.action {
            all += upstreamTimeouts
            if let perTry = forward.retry?.perTryTimeout {
                all.append(duration("per_try_timeout", perTry, nil, ofRoute))
            }
            all.append(whole)
        }
        let idle = route.streamIdleTimeout.map { duration("stream_idle", $0, nil, ofRoute) }
        return all + [idle ?? duration("stream_idle", ours.streamIdle, standard.streamIdle, ofListener)]
    }

    private var upstreamTimeouts: [Setting] {
        let standard = UpstreamTimeouts()
        let connect = upstreams.map { duration("connect", $0.timeouts.connect, standard.connect, of($0)) }
        if let own = route.responseHeadTimeout {
            return Self.distinct(connect) + [duration("response_head", own, nil, ofRoute)]
        }
        let heads = upstreams.map { duration("response_head", $0.timeouts.responseHead, standard.responseHead, of($0)) }
        return Self.distinct(connect) + Self.distinct(heads)
    }

    /// For all tries together.
    private var whole: Setting {
        guard let timeout = route.timeout else {
            return Setting("timeout", "none", from: route.isUntimedOnPurpose ? ofRoute : .standard)
        }
        return duration("timeout", timeout, nil, ofRoute)
    }

    // MARK: Bounds

    var limits: [Setting] {
        let ours = listener.limits
        let standard = ListenerLimits()
        let all = [
            size("head", ours.headBytes, standard.headBytes),
            Setting("header_count", "\(ours.headerCount)", from: origin(ours.headerCount, standard.headerCount)),
            size("uri", ours.uriBytes, standard.uriBytes),
        ]
        return all + [body]
    }

    /// The route's goes before the listener's.
    private var body: Setting {
        if let bytes = route.bodyLimit { return Setting("body", Wording.size(bytes), from: ofRoute) }
        if let bytes = listener.limits.bodyBytes { return Setting("body", Wording.size(bytes), from: ofListener) }
        return Setting("body", "any size, streamed", from: .standard)
    }

    /// What the requests of all loops together may take of an upstream, and one caller of that.
    static func limits(of upstream: UpstreamModel) -> [Setting] {
        let (own, standard) = (upstream.limits, UpstreamLimits())
        let origin = Setting.Origin.upstream(upstream.name, upstream.place)
        func number(_ name: String, _ limit: KeyPath<UpstreamLimits, Int>) -> Setting {
            let value = own[keyPath: limit]
            return Setting(name, "\(value)", from: value == standard[keyPath: limit] ? .standard : origin)
        }
        let shares = [
            ("connections", own.tenantShare.connections), ("pending", own.tenantShare.pending),
            ("requests", own.tenantShare.requests),
        ]
        let parts = shares.filter { $0.1 < 1 }.map { "\(Wording.percent($0.1 * 100)) of \($0.0)" }
        var all = [number("connections", \.connections), number("pending", \.pending), number("requests", \.requests)]
        if !parts.isEmpty {
            let isStandard = own.tenantShare == standard.tenantShare
            all.append(Setting("tenant_share", Wording.list(parts), from: isStandard ? .standard : origin))
        }
        return all
    }

    // MARK: Parts

    private var ofRoute: Setting.Origin { .route(route.name, route.place) }
    private var ofListener: Setting.Origin { .listener(listener.name, listener.place) }
    private func of(_ upstream: UpstreamModel) -> Setting.Origin { .upstream(upstream.name, upstream.place) }

    private func origin(_ value: Int, _ standard: Int) -> Setting.Origin { value == standard ? .standard : ofListener }

    private func size(_ name: String, _ bytes: Int, _ standard: Int) -> Setting {
        Setting(name, Units.showSize(bytes), from: origin(bytes, standard))
    }

    private func duration(
        _ name: String,
        _ amount: TimeAmount,
        _ standard: TimeAmount?,
        _ origin: Setting.Origin
    ) -> Setting {
        Setting(name, Wording.duration(amount), from: amount == standard ? .standard : origin)
    }

    /// Several upstreams with the default are one line.
    static func distinct(_ settings: [Setting]) -> [Setting] {
        var hasStandard = false
        return settings.filter { setting in
            guard case .standard = setting.origin else { return true }
            defer { hasStandard = true }
            return !hasStandard
        }
    }
}
