package import NIOCore
package import SluiceConfig

/// The control side of all upstreams: names, health, outliers, and the lists of endpoints that the loops work with.
///
/// A configuration is taken over in two steps, so that a reload never leaves an upstream without endpoints while its
/// new names are being looked up:
///
///     prepare (names are asked for, patience runs) -> apply (everything changes at once)
///
/// Isolation: the control loop, but for the reports of outliers, which come from any thread.
package final class UpstreamSupervision {
    /// An upstream as the loops take it over.
    package struct Entry: Sendable {
        package let model: UpstreamModel
        package let state: UpstreamState
        package let endpoints: PublishedEndpoints
    }

    private let context: SupervisorContext
    private let resolver: any NameResolver
    private let publish: (String, PublishedEndpoints) -> Void
    private var supervisors: [String: UpstreamSupervisor] = [:]
    private var names: [NameKey: NameWatch] = [:]

    /// - Parameter publish: takes the endpoints of an upstream whenever they change between two `apply`.
    package init(
        _ context: SupervisorContext,
        resolver: any NameResolver = ResolverPool(),
        publish: @escaping (_ upstream: String, PublishedEndpoints) -> Void
    ) {
        self.context = context
        self.resolver = resolver
        self.publish = publish
    }

    // MARK: - Taking over a configuration

    /// Looks up the names that are new in a configuration. `ready` is called once, when each has been answered (or has
    /// failed) or patience is over.
    package func prepare(_ models: [UpstreamModel], patience: TimeAmount, ready: @escaping () -> Void) {
        let waiting = Set(models.flatMap(Self.names)).compactMap { key -> NameWatch? in
            let watch = names[key] ?? begin(key)
            return watch.isAnswered ? nil : watch
        }
        guard !waiting.isEmpty else { return ready() }
        let once = Once(ready)
        let deadline = context.schedule(in: patience) { [context] in
            context.log("dns: going on without \(waiting.count { !$0.isAnswered }) of the names, which take too long")
            once.run()
        }
        var missing = waiting.count
        for watch in waiting {
            watch.onAnswer {
                missing -= 1
                guard missing == 0 else { return }
                deadline.cancel()
                once.run()
            }
        }
    }

    /// Takes over the upstreams of a configuration, and gives up those that are not in it.
    ///
    /// - Returns: all of them in the order given, with the endpoints known now.
    package func apply(_ models: [UpstreamModel]) -> [Entry] {
        let needed = Set(models.flatMap(Self.names))
        for key in needed where names[key] == nil { _ = begin(key) }
        let kept = Set(models.map(\.name))
        for (name, supervisor) in supervisors where !kept.contains(name) {
            supervisor.stop()
            supervisors[name] = nil
        }
        let entries = models.map { model in
            let supervisor = configured(model)
            return Entry(model: model, state: supervisor.state, endpoints: supervisor.published)
        }
        dropNames(besides: needed)
        return entries
    }

    /// Ends all checks and lookups.
    package func stop() {
        for supervisor in supervisors.values { supervisor.stop() }
        supervisors = [:]
        dropNames(besides: [])
    }

    private func configured(_ model: UpstreamModel) -> UpstreamSupervisor {
        if let known = supervisors[model.name] {
            known.configure(model)
            return known
        }
        let supervisor = UpstreamSupervisor(
            context,
            model,
            state: makeState(model.name),
            resolved: { [unowned self] in names[$0]?.endpoints ?? [] },
            publish: { [unowned self] in publish(model.name, $0) }
        )
        supervisors[model.name] = supervisor
        return supervisor
    }

    private func makeState(_ name: String) -> UpstreamState {
        let bound = NIOLoopBound(self, eventLoop: context.loop)
        let loop = context.loop
        return UpstreamState(name: name) { endpoint, cause in
            loop.execute { bound.value.supervisors[name]?.reported(endpoint, cause) }
        }
    }

    // MARK: - Names

    private static func names(of model: UpstreamModel) -> [NameKey] {
        model.endpoints.compactMap { NameKey($0.address, model.dns) }
    }

    private func begin(_ key: NameKey) -> NameWatch {
        let watch = NameWatch(context, resolver, key) { [unowned self] in
            for supervisor in supervisors.values where Self.names(of: supervisor.model).contains(key) {
                supervisor.namesChanged()
            }
        }
        names[key] = watch
        watch.start()
        return watch
    }

    private func dropNames(besides needed: Set<NameKey>) {
        for (key, watch) in names where !needed.contains(key) {
            watch.stop()
            names[key] = nil
        }
        resolver.keep(servers: Set(names.keys.map(\.servers)))
    }
}

/// Something that must happen once, whoever comes first.
private final class Once {
    private var body: (() -> Void)?

    init(_ body: @escaping () -> Void) { self.body = body }

    func run() {
        let todo = body
        body = nil
        todo?()
    }
}
