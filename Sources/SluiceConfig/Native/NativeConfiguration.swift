/// The native dialect: from the bytes of its files to the model.
package enum NativeConfiguration {
    /// Reads, merges and checks native files.
    ///
    /// Files join in the order given. All problems of all files are found in one run; the model is nil when there is
    /// an error among them, and its routes stand in the order of `NativeOrder`.
    ///
    /// - Parameters:
    ///   - files: at least one; see `ConfigFiles.expand`.
    ///   - filters: the filters that may be named.
    ///   - environment: the value of a variable, nil where it is not set.
    ///   - readFile: the bytes of a file named by `${file:...}`.
    /// - Returns: the model, and the diagnostics, which hold the files' text for their excerpts.
    package static func load(
        files: [ConfigFile],
        filters: FilterCatalog,
        environment: @escaping (String) -> String?,
        readFile: @escaping (String) throws -> [UInt8]
    ) -> (model: GatewayModel?, diagnostics: Diagnostics) {
        let context = DecodeContext(files: files, filters: filters, environment: environment, readFile: readFile)
        var draft = NativeDraft()
        var isWhole = true
        for (index, file) in files.enumerated() {
            guard let root = YAMLReader.read(file, index: UInt32(clamping: index), context: context),
                draft.add(root, context: context)
            else {
                isWhole = false
                continue
            }
        }
        // What is missing may stand in a file that could not be read: no second error for that.
        guard isWhole else { return (nil, context.diagnostics) }
        var model = draft.finish(context)
        NativeOrder.sort(&model.routes)
        Validation(model: model, context: context, broken: draft.brokenRoutes).run()
        return (context.diagnostics.hasErrors ? nil : model, context.diagnostics)
    }
}

extension NativeDraft {
    /// The model of all files together.
    mutating func finish(_ context: DecodeContext) -> GatewayModel {
        if version == nil {
            let start = NodeSpan(file: 0, line: 1, column: 1, length: 1)
            context.report(
                .version,
                at: start,
                "the configuration does not say its version",
                help: "begin with 'version: 1'"
            )
        }
        var model = GatewayModel()
        if let workers { model.workers = workers.value }
        if let drainTimeout { model.drainTimeout = drainTimeout.value }
        if let telemetry { model.telemetry = telemetry.value }
        model.admin = admin?.value
        model.consumers = consumers.map(\.model)
        checkCredentials(context)
        model.upstreams = upstreams
        model.filters = filters
        model.listeners = listeners.map { draft in
            var listener = draft.model
            if !draft.ownProxies { listener.trustedProxies = trustedProxies?.value ?? [] }
            return listener
        }
        checkProxyProtocol(model.listeners, context)
        checkListenerNames(context)
        var names = RouteNames(taken: Set(routeSpans.keys))
        model.routes = routes.map { draft in
            var route = draft.model
            if draft.nameSpan == nil { route.name = names.name(for: route.match) }
            return route
        }
        return model
    }

    /// Whoever may say who the client is must be trusted to; of those that nobody named, anybody could.
    private func checkProxyProtocol(_ models: [ListenerModel], _ context: DecodeContext) {
        for (model, draft) in zip(models, listeners) where model.proxyProtocol != .off && model.trustedProxies.isEmpty {
            context.report(
                .missingField,
                at: draft.proxyProtocolSpan,
                "'proxy_protocol' of listener '\(Printable.short(model.name))' needs 'trusted_proxies', which alone may say who the client is",
                help: "name the networks of the proxies in front, such as 10.0.0.0/8"
            )
        }
    }

    private func checkListenerNames(_ context: DecodeContext) {
        for route in routes {
            for listener in route.listeners where listenerSpans[listener.value] == nil {
                let known = context.diagnostics.isFull(.unknownListener) ? [] : listenerSpans.keys.sorted()
                let near = Spelling.nearest(to: listener.value, in: known)
                context.report(
                    .unknownListener,
                    at: listener.span,
                    "there is no listener '\(Printable.short(listener.value))'",
                    help: near.map { "did you mean '\($0)'?" } ?? Spelling.choices(known)
                )
            }
        }
    }
}

/// Makes names for routes without one: `GET api.example.com/v1/orders/*`.
struct RouteNames {
    private var taken: Set<String>
    /// The number to try next for a name that is taken.
    private var numbers: [String: Int] = [:]

    init(taken: Set<String>) { self.taken = taken }

    /// A name that no other route has.
    mutating func name(for match: MatchModel) -> String {
        let base = Self.describe(match)
        var name = base
        while !taken.insert(name).inserted {
            let number = numbers[base, default: 2]
            name = "\(base) #\(number)"
            numbers[base] = number + 1
        }
        return name
    }

    private static func describe(_ match: MatchModel) -> String {
        let methods = match.methods.isEmpty ? "" : match.methods.joined(separator: ",") + " "
        let host = match.hosts.first.map { match.hosts.count > 1 ? $0 + ",..." : $0 } ?? ""
        let path =
            switch match.path {
            case .any: "/*"
            case .exact(let path): path
            case .prefix(let path): path == "/" ? "/*" : path + "/*"
            case .template(let path): path
            case .regex(let pattern): "~" + pattern
            }
        return methods + host + path
    }
}
