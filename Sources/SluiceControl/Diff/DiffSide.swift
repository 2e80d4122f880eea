import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceRouting

/// One of the two configurations, compiled.
struct DiffSide {
    let model: GatewayModel
    private let shared: SharedSnapshot
    private let answersPreflights: Bool

    init(_ model: GatewayModel) throws {
        self.model = model
        shared = try SnapshotCompiler.compile(model)
        answersPreflights = Explainer.answersPreflights(model)
    }

    /// What becomes of a request, and what its action starts from.
    struct Verdict {
        enum Answer: Equatable {
            case refused(status: Int, code: String)
            /// To `https`, by the listener.
            case redirected(status: Int, location: String)
            case noRoute(allowed: [String])
            case route(Int)
        }

        let answer: Answer
        let intake: Intake
        let captures: [(name: String, value: String)]
    }

    func listener(_ index: Int) -> ListenerModel {
        model.listeners.indices.contains(index) ? model.listeners[index] : ListenerChoice.standard
    }

    func decide(_ request: SampleRequest, at listener: Int) -> Verdict {
        let model = self.listener(listener)
        var peer: IPAddress?
        if case .ip = model.address { peer = request.source ?? Self.stranger }
        let intake = Intake(request.bytes, at: model, from: peer)
        if let refusal = intake.refusal {
            let answer = Verdict.Answer.refused(status: refusal.status, code: refusal.code)
            return Verdict(answer: answer, intake: intake, captures: [])
        }
        if let redirect = model.httpsRedirect {
            let location = intake.location(underHTTPS: redirect)
            let answer = Verdict.Answer.redirected(status: redirect.status, location: location)
            return Verdict(answer: answer, intake: intake, captures: [])
        }
        let context = RouteContext(listener: listener, source: intake.client, sni: nil)
        let decision = Decision(shared, intake.head, context, preflights: answersPreflights)
        let answer = decision.route.map { Verdict.Answer.route($0) } ?? .noRoute(allowed: decision.allowed)
        return Verdict(answer: answer, intake: intake, captures: decision.captures)
    }

    /// A client of whom no condition speaks.
    private static let stranger = IPAddress("127.0.0.1")

    func place(of answer: Verdict.Answer) -> ConfigurationDiff.Route? {
        guard case .route(let index) = answer else { return nil }
        return ConfigurationDiff.Route(name: model.routes[index].name, place: model.routes[index].place)
    }
}
