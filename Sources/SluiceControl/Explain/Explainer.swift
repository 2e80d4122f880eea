import SluiceConfig
import SluiceCore
import SluiceFilters
package import SluiceProxy
import SluiceRouting

/// Says what a configuration does with a request and why, without sending anything.
///
/// The decision is that of the compiled table, which requests are matched with; the reasons come from reading the
/// routes one after the other. Both must agree, which a property test holds them to.
///
/// Isolation: any thread that has time: it walks over all routes and makes strings. Not for event loops.
package struct Explainer {
    private let shared: SharedSnapshot
    private let linear: LinearMatcher

    private var model: GatewayModel { shared.model }

    /// - Parameter shared: a configuration that was compiled, be it running or not.
    package init(_ shared: SharedSnapshot) {
        self.shared = shared
        linear = LinearMatcher(shared.model.routes, listeners: shared.model.listeners.map(\.name))
    }

    /// Explains one request.
    ///
    /// - Throws: when the description is no request: a URL without host, a listener that does not exist.
    package func explain(_ request: ExplainRequest) throws(ExplainProblem) -> Explanation {
        let choice = try ListenerChoice(model, request)
        let text = try RequestText(request, ownHost: choice.ownHost)
        let intake = Intake(text.bytes, at: choice.listener, from: choice.peer(request.client))
        var explanation = Explanation(
            request: seen(request, intake, text, choice),
            listener: choice.chosen(isSecure: text.isSecure),
            outcome: .noRoute(allowed: [])
        )
        if let refusal = intake.refusal {
            explanation.outcome = .refused(refusal)
            return explanation
        }
        if let redirect = choice.listener.httpsRedirect {
            explanation.outcome = .redirected(
                ListenerRedirect(status: redirect.status, location: intake.location(underHTTPS: redirect))
            )
            return explanation
        }
        decide(intake, choice, text.serverName, &explanation)
        return explanation
    }

    /// The request in the form that routes see.
    private func seen(
        _ request: ExplainRequest,
        _ intake: Intake,
        _ text: RequestText,
        _ choice: ListenerChoice
    ) -> SeenRequest {
        let head = intake.head
        return SeenRequest(
            method: request.method,
            url: request.url,
            host: head.fields.string(head.host),
            path: head.fields.string(head.path),
            query: head.query.map { head.fields.string($0) },
            client: intake.client.map(\.description),
            clientIsAssumed: request.client == nil && intake.peer != nil && intake.client == intake.peer,
            notes: text.notes + choice.notes(request) + intake.notes
        )
    }

    // MARK: The decision

    private func decide(
        _ intake: Intake,
        _ choice: ListenerChoice,
        _ serverName: [UInt8]?,
        _ explanation: inout Explanation
    ) {
        let started = RouteContext(
            listener: choice.index,
            source: intake.client,
            sni: choice.listener.tls == nil ? nil : serverName
        )
        let decision = Decision(shared, intake.head, started, preflights: Self.answersPreflights(model))
        explanation.request.notes += decision.notes
        let context = decision.context
        let chain = decision.route.map { model.routes[$0].filters } ?? []
        explanation.filters = FilterStep.chain(FilterOrder.kept(model.filters, beside: chain), chain)
        explanation.nearMisses = NearMisses(model, linear).list(intake.head, context, winner: decision.route)
        if linear.match(intake.head, context) != decision.outcome {
            explanation.request.notes.append("reading the routes one by one gives another answer: please report this")
        }
        guard let index = decision.route else {
            explanation.outcome = .noRoute(allowed: decision.allowed)
            return
        }
        let route = model.routes[index]
        let conditions = MetConditions(
            route.match,
            intake,
            listener: choice.listener.name,
            serverName: context.sni
        )
        explanation.outcome = .route(
            WonRoute(
                name: route.name,
                place: route.place,
                conditions: conditions.list,
                captures: decision.captures
            )
        )
        let settings = EffectiveSettings(model, route, choice.listener)
        explanation.timeouts = settings.timeouts
        explanation.limits = settings.limits
        explanation.action = ActionExplainer(model, route, intake, captures: decision.captures).explain()
    }

    /// Whether any chain answers CORS preflights, which are then matched with the method that they ask for.
    static func answersPreflights(_ model: GatewayModel) -> Bool {
        model.filters.contains(where: \.isCORS) || model.routes.contains { $0.filters.contains(where: \.isCORS) }
    }
}

/// What the compiled table says about a request.
struct Decision {
    private(set) var route: Int?
    private(set) var allowed: [String] = []
    private(set) var captures: [(name: String, value: String)] = []
    private(set) var context: RouteContext
    private(set) var notes: [String] = []

    init(_ shared: SharedSnapshot, _ head: RequestHead, _ context: RouteContext, preflights: Bool) {
        self.context = context
        self.context.matchesPreflights = preflights
        match(shared, head)
        guard preflights, RouteTable.isPreflight(head) else { return }
        // As the engine does: without somebody to answer it, a preflight is an OPTIONS request like others.
        let own = route.map { shared.model.routes[$0].filters } ?? []
        let chain = FilterOrder.kept(shared.model.filters, beside: own) + own
        if chain.contains(where: \.isCORS) {
            notes.append("it is a CORS preflight: it goes by the method that it asks for, and 'cors' answers it")
        } else {
            self.context.matchesPreflights = false
            match(shared, head)
        }
    }

    /// In the words of the linear reading.
    var outcome: LinearMatcher.Outcome {
        route.map { .route($0) } ?? (allowed.isEmpty ? .none : .methodNotAllowed(Set(allowed)))
    }

    private mutating func match(_ shared: SharedSnapshot, _ head: RequestHead) {
        var scratch = MatchScratch()
        var ranges = Captures()
        (route, allowed, captures) = (nil, [], [])
        switch shared.table.match(head, context, scratch: &scratch, captures: &ranges) {
        case .none: break
        case .methodNotAllowed(let methods): allowed = shared.table.names(of: methods)
        case .route(let index):
            route = index
            let names = shared.table.captureNames(ofRoute: index, path: shared.model.routes[index].match.path)
            captures = names.enumerated().compactMap { position, name in
                ranges[position].map { (name: name, value: head.fields.string($0)) }
            }
        }
    }
}

extension FilterModel {
    var isCORS: Bool { if case .cors = type(of: configuration).role { true } else { false } }
}

extension FilterStep {
    /// The filters of a route in the order in which they run.
    static func chain(_ global: [FilterModel], _ own: [FilterModel]) -> [FilterStep] {
        let written = global.map { (model: $0, isGlobal: true) } + own.map { (model: $0, isGlobal: false) }
        let effective = FilterOrder.effective(written) { type(of: $0.model.configuration).role }
        return effective.map { item in
            let before = written.prefix { $0.model.place != item.model.place || $0.isGlobal != item.isGlobal }
            return FilterStep(
                name: item.model.name,
                place: item.model.place,
                isGlobal: item.isGlobal,
                moved: moved(item.model, behind: before.map(\.model)),
                effects: item.model.configuration.effects
            )
        }
    }

    /// Why a filter does not run behind those that it is written behind; nil: it does.
    private static func moved(_ model: FilterModel, behind others: [FilterModel]) -> String? {
        switch type(of: model.configuration).role {
        case .cors:
            let login = others.first {
                if case .authentication = type(of: $0.configuration).role { true } else { false }
            }
            return login.map { "runs ahead of '\($0.name)': preflights carry no credentials" }
        case .translation:
            return others.isEmpty ? nil : "runs ahead of all others, which see gRPC"
        case .transcoding:
            return others.isEmpty ? nil : "runs ahead of all others, so that what they answer has its form"
        case .authentication, .rateLimit, .other: return nil
        }
    }
}
