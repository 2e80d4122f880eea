import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy

extension ActionExplainer {
    /// The path and query that upstreams get; `how` is nil where they stay as they are.
    func rewrite(_ plan: ForwardModel, _ values: RequestVariables) -> (target: String, how: String?) {
        let head = values.intake.head
        let query = head.query.map { head.fields.string($0) }
        // CONNECT has a place to go to and no path.
        if head.method == .connect { return (head.fields.string(head.authority), nil) }
        let path = head.fields.string(head.path)
        guard let model = plan.rewrite else { return (Self.join(path, query), nil) }
        let how =
            switch model {
            case .prefix(let replacement): "prefix \(replacement)"
            case .path(let template): "path \(template)"
            case .regex(let pattern, let substitution): "regex \(pattern) to \(substitution)"
            }
        switch Self.path(model, values, path) {
        case .same: return (Self.join(path, query), how + ", which changes nothing here")
        case .refused: return ("(refused: \(GatewayError.badTarget.code))", how)
        case .changed(let path): return (Self.join(path.hasPrefix("/") ? path : "/" + path, query), how)
        }
    }

    private enum NewPath {
        case same
        case refused
        case changed(String)
    }

    private static func path(_ model: RewriteModel, _ values: RequestVariables, _ path: String) -> NewPath {
        let bytes = Array(path.utf8)
        var out = ByteBuffer()
        switch model {
        case .prefix(let replacement):
            let matched = MatchedPrefix.length(values.match)
            bytes.withUnsafeBytes {
                PrefixReplacement.write(Array(replacement.utf8), for: $0, matched: matched, to: &out)
            }
        case .path(let template):
            guard let text = values.render(template, for: .path) else { return .refused }
            out.writeString(text)
        case .regex(let pattern, let substitution):
            guard let expression = try? RegularExpression(pattern) else { return .same }
            let outcome = bytes.withUnsafeBytes { text in
                Array(substitution.utf8).withUnsafeBytes {
                    expression.replaceAll(in: text, with: $0, limit: 64 * 1024, into: &out)
                }
            }
            guard outcome == .replaced else { return outcome == .unchanged ? .same : .refused }
            if out.readableBytesView.withUnsafeBytes(PathNormalizer.hasDotSegment) { return .refused }
        }
        guard out.readableBytesView.allSatisfy(ASCII.isTarget) else { return .refused }
        return .changed(String(decoding: out.readableBytesView, as: UTF8.self))
    }

    /// A path with a query of its own keeps it in front of the client's.
    private static func join(_ path: String, _ query: String?) -> String {
        guard let query, !(query.isEmpty && path.contains("?")) else { return path }
        return path + (path.contains("?") ? "&" : "?") + query
    }
}

/// What the path condition of a route stands for, for what replaces it.
enum MatchedPrefix {
    /// In bytes of the request's path.
    static func length(_ match: MatchModel) -> Int {
        switch match.path {
        case .exact(let path): PathLiteral.bytes(path).count
        case .prefix(let path): PathLiteral.bytes(path).count - (path.hasSuffix("/") ? 1 : 0)
        case .any, .template, .regex: 0
        }
    }
}

/// The `Location` of a redirect, made like `RedirectPlan` makes it.
struct RedirectLocation {
    /// nil for one that must not be used.
    private(set) var text: String?

    init(_ plan: RedirectModel, _ head: RequestHead, _ values: RequestVariables) {
        guard var location = Self.origin(plan, head, isSecure: values.intake.isSecure),
            let path = Self.path(plan, head, values)
        else { return }
        location += path
        if plan.keepQuery, let query = head.query, !location.contains("?") {
            location += "?" + head.fields.string(query)
        }
        let isFixed = plan.to.map { !$0.contains("${") } ?? false
        text = isFixed ? location : Self.withoutDoubleSlash(location)
    }

    /// Scheme and host; empty for a reference within the same ones, nil where the request has no host.
    private static func origin(_ plan: RedirectModel, _ head: RequestHead, isSecure: Bool) -> String? {
        guard plan.scheme != nil || plan.host != nil || plan.port != nil else { return "" }
        guard plan.host != nil || !head.host.isEmpty else { return nil }
        let scheme = plan.scheme ?? (isSecure ? "https" : "http")
        let own = head.fields.string(plan.port == nil && plan.scheme == nil ? head.authority : head.host)
        let usual = scheme == "https" ? 443 : 80
        let port = plan.port.map { $0 == usual ? "" : ":\($0)" } ?? ""
        return "\(scheme)://\(plan.host ?? own)\(port)"
    }

    private static func path(_ plan: RedirectModel, _ head: RequestHead, _ values: RequestVariables) -> String? {
        if let to = plan.to { return values.render(to, for: .path) }
        let path = head.fields.string(head.path)
        guard let prefix = plan.prefix else { return path }
        var out = ByteBuffer()
        Array(path.utf8).withUnsafeBytes {
            PrefixReplacement.write(Array(prefix.utf8), for: $0, matched: MatchedPrefix.length(values.match), to: &out)
        }
        return String(decoding: out.readableBytesView, as: UTF8.self)
    }

    /// Two slashes in front would be another host.
    private static func withoutDoubleSlash(_ location: String) -> String {
        var rest = Substring(location)
        while rest.hasPrefix("//") || rest.hasPrefix("/\\") { rest = "/" + rest.dropFirst(2) }
        return String(rest)
    }
}
