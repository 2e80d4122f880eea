import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy

/// The admin API: what each path answers, and on which thread.
///
/// `/openapi.json` describes it; that text and this file change together.
struct AdminAPI: BuiltInAction {
    let access: AdminAccessBox
    let view: AdminView
    let orders: AdminOrders
    /// For what takes milliseconds.
    let reading: AdminDesk
    /// For what takes as long as a reload, which must not hold a scrape up.
    let reloading: AdminBatch

    private enum Path: String, CaseIterable {
        case live = "/live"
        case ready = "/ready"
        case metrics = "/metrics"
        case config = "/config"
        case routes = "/routes"
        case upstreams = "/upstreams"
        case explain = "/explain"
        case reload = "/reload"
        case drain = "/drain"
        case openAPI = "/openapi.json"

        var isOrder: Bool { self == .reload || self == .drain }
        var allow: String { isOrder ? "POST" : "GET, HEAD" }
        var allows: [String] { isOrder ? ["POST"] : ["GET", "HEAD"] }
    }

    func answer(_ request: BuiltInRequest, later: BuiltInTicket) -> LocalReply? {
        guard let model = access.model else { return LocalReply(.noRoute) }
        if let refusal = AdminAccess(model: model).refusal(request) { return refusal }
        guard let path = Path(rawValue: request.path) else { return LocalReply(.noRoute) }
        guard path.allows.contains(request.method) else {
            var reply = LocalReply(.methodNotAllowed)
            reply.fields = [(name: Array("Allow".utf8), value: Array(path.allow.utf8))]
            return reply
        }
        switch path {
        case .live: return .json(200, #"{"status": "live"}"# + "\n")
        case .ready: return view.readiness
        case .openAPI: return .json(200, AdminDescription.text)
        case .metrics, .config, .routes, .upstreams, .explain:
            return reading.take(later) { read(path, request) }
        case .reload: return reload(later)
        case .drain: return drain()
        }
    }

    /// On the thread that has time.
    private func read(_ path: Path, _ request: BuiltInRequest) -> LocalReply {
        switch path {
        case .metrics: view.metrics(accept: request.fields.filter { $0.name == "accept" }.map(\.value))
        case .config: view.configuration
        case .routes: view.routes
        case .upstreams: view.upstreamList
        case .explain: view.explain(request)
        case .live, .ready, .reload, .drain, .openAPI: LocalReply(.internalError)
        }
    }

    private func reload(_ later: BuiltInTicket) -> LocalReply? {
        guard let reload = orders.reload else {
            return Self.rejected(ReloadAnswer(isDone: false, message: "this gateway does not run from files"))
        }
        guard !view.isDraining else {
            return Self.rejected(ReloadAnswer(isDone: false, message: "the gateway is stopping"))
        }
        return reloading.take(later) {
            let answer = reload()
            return answer.isDone ? done(answer) : Self.rejected(answer)
        }
    }

    private func done(_ answer: ReloadAnswer) -> LocalReply {
        var json = JSONWriter()
        json.object { json in
            json.field("outcome", "reloaded")
            json.field("message", answer.message)
            json.field("generation", view.generation)
        }
        return .json(200, json.text + "\n")
    }

    private static func rejected(_ answer: ReloadAnswer) -> LocalReply {
        var json = JSONWriter()
        json.object { json in
            json.field("outcome", "rejected")
            json.field("message", answer.message)
            json.raw("diagnostics", answer.diagnostics)
        }
        return .json(422, json.text + "\n")
    }

    private func drain() -> LocalReply {
        orders.drain?()
        return .json(202, #"{"status": "draining"}"# + "\n")
    }
}

extension LocalReply {
    /// An answer in JSON that nobody keeps.
    static func json(_ status: UInt16, _ text: String) -> LocalReply {
        LocalReply(
            status: status,
            body: Array(text.utf8),
            contentType: "application/json",
            fields: [(name: Array("Cache-Control".utf8), value: Array("no-store".utf8))]
        )
    }
}
