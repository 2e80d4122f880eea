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
        /// Whether the loops do not know these endpoints yet.
        package let isChanged: Bool
    }

    private let context: SupervisorContext
    private let resolver: any NameResolver
    private let publish: (String, PublishedEndpoints) -> Void
    private var supervisors: [String: UpstreamSupervisor] = [:]
    private var names: [NameKey: NameWatch] = [:]
    /// The upstreams that use a name.
    private var users: [NameKey: [String]] = [:]

    /// `publish` takes the endpoints of an upstream whenever they change between two `apply`.
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
        users = [:]
        for model in models {
            for key in Set(Self.names(of: model)) { users[key, default: []].append(model.name) }
        }
        for key in users.keys where names[key] == nil { _ = begin(key) }
        let kept = Set(models.map(\.name))
        for (name, supervisor) in supervisors where !kept.contains(name) {
            supervisor.stop()
            supervisors[name] = nil
        }
        let entries = models.map(configured)
        dropUnusedNames()
        return entries
    }

    /// Ends all checks and lookups.
    package func stop() {
        for supervisor in supervisors.values { supervisor.stop() }
        supervisors = [:]
        users = [:]
        dropUnusedNames()
    }

    private func configured(_ model: UpstreamModel) -> Entry {
        if let known = supervisors[model.name] {
            let isChanged = known.configure(model)
            return Entry(model: model, state: known.state, endpoints: known.published, isChanged: isChanged)
        }
        let supervisor = UpstreamSupervisor(
            context,
            model,
            state: makeState(model.name),
            resolved: { [unowned self] in names[$0]?.endpoints ?? [] },
            publish: { [unowned self] in publish(model.name, $0) }
        )
        supervisors[model.name] = supervisor
        return Entry(model: model, state: supervisor.state, endpoints: supervisor.published, isChanged: true)
    }

    private func makeState(_ name: String) -> UpstreamState {
        let bound = NIOLoopBound(self, eventLoop: context.loop)
        let loop = context.loop
        return UpstreamState(name: name) { endpoint, cause in
            loop.execute { bound.value.supervisors[name]?.reported(endpoint, cause) }
        }
    }

    /// What is known of all upstreams now, by name.
    package func report() -> [UpstreamReport] {
        supervisors.values.map { $0.report() }.sorted { $0.name < $1.name }
    }

    // MARK: - Names

    private static func names(of model: UpstreamModel) -> [NameKey] {
        model.endpoints.compactMap { NameKey($0.address, model.dns) }
    }

    private func begin(_ key: NameKey) -> NameWatch {
        let watch = NameWatch(context, resolver, key) { [unowned self] in
            for user in users[key] ?? [] { supervisors[user]?.namesChanged() }
        }
        names[key] = watch
        watch.start()
        return watch
    }

    private func dropUnusedNames() {
        for (key, watch) in names where users[key] == nil {
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
