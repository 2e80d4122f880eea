import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP

/// Templates filled in with what is known of a request that was only described.
///
/// What nobody can know beforehand (an id, a consumer, a claim) stays as the template writes it.
struct RequestVariables {
    let intake: Intake
    let captures: [(name: String, value: String)]
    /// The conditions of the route, since a rewrite may replace what they matched.
    let match: MatchModel
    let routeName: String
    /// nil where it is a matter of chance.
    let upstreamName: String?

    /// - Returns: nil for a path that must not be used.
    func render(_ text: String, for use: Template.Use) -> String? {
        guard case .success(let template) = Template.parse(text) else { return text }
        let bytes = Array(text.utf8)
        var out = ByteBuffer()
        let isUsable = template.render(into: &out, for: use) { index, out in
            if let value = value(of: template.variables[index]) {
                out.writeString(value)
            } else {
                out.writeBytes(bytes[template.offsets[index]...].prefix { $0 != UInt8(ascii: "}") })
                out.writeInteger(UInt8(ascii: "}"))
            }
        }
        return isUsable ? String(decoding: out.readableBytesView, as: UTF8.self) : nil
    }

    /// nil: it cannot be known; empty: the request has none.
    private func value(of variable: TemplateVariable) -> String? {
        let head = intake.head
        func text(_ range: ByteRange?) -> String { range.map { head.fields.string($0) } ?? "" }
        switch variable {
        case .path(let name): return captures.first { $0.name == name }?.value ?? ""
        case .requestMethod: return text(head.methodRange)
        case .requestPath: return text(head.path)
        case .requestQuery: return text(head.query)
        case .requestHost: return text(head.host)
        case .requestTarget: return text(head.target)
        case .requestScheme: return intake.isSecure ? "https" : "http"
        case .header(let name):
            return text(
                head.fields.firstIndex(ofLowercased: Array(name.utf8)).map { head.fields.entries[$0].valueRange }
            )
        case .query(let name): return text(QueryParameters.first(name, in: head))
        case .cookie(let name): return text(Cookies.value(name, in: head))
        case .clientIP: return intake.client?.description ?? ""
        case .routeName: return routeName
        case .upstreamName: return upstreamName
        case .requestID, .consumerName, .claim, .responseStatus, .tls: return nil
        }
    }
}
