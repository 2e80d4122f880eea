import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import Synchronization

/// Who may use the admin API at the moment. Any thread.
final class AdminAccessBox: Sendable {
    private let current = Mutex<AdminModel?>(nil)

    var model: AdminModel? {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}

/// Decides whether a request may use the admin API.
///
/// Without a token, what must be kept out is a page in a browser of this machine: one whose own name was made to point
/// here (DNS rebinding), which shows in `Host`, and one that posts a form (CSRF), which shows in `Origin`.
struct AdminAccess {
    let model: AdminModel

    /// - Returns: the refusal; nil when the request may pass.
    func refusal(_ request: BuiltInRequest) -> LocalReply? {
        if let digest = model.token {
            guard let credential = Self.bearer(request) else { return Self.unauthorized(.credentialMissing) }
            // Digests are compared, so how long that takes says nothing about the token.
            guard SHA256Digest(of: Array(credential.utf8)).isSame(as: digest) else {
                return Self.unauthorized(.credentialInvalid)
            }
        } else if !isOwnName(request.authority) {
            return LocalReply(.originForbidden)
        }
        if request.method == "POST", !hasOwnOrigin(request) { return LocalReply(.originForbidden) }
        return nil
    }

    /// RFC 6750, section 2.1: one field, the scheme in any case.
    private static func bearer(_ request: BuiltInRequest) -> String? {
        let values = request.fields.filter { $0.name == "authorization" }.map(\.value)
        guard values.count == 1, let value = values.first else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1].drop { $0 == " " })
    }

    private static func unauthorized(_ error: GatewayError) -> LocalReply {
        var reply = LocalReply(error)
        let challenge = #"Bearer realm="sluice admin""#
        reply.fields = [(name: Array("WWW-Authenticate".utf8), value: Array(challenge.utf8))]
        return reply
    }

    /// An address cannot be rebound; a name must be one that was agreed on.
    private func isOwnName(_ authority: String) -> Bool {
        let name = Self.host(authority).lowercased()
        if name == "localhost" || name.hasSuffix(".localhost") || IPAddress(name) != nil { return true }
        return model.hosts.contains(name)
    }

    /// `host:port`, `[address]:port` or either without port.
    private static func host(_ authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        return String(authority.prefix { $0 != ":" })
    }

    /// What no browser sent has no `Origin`; a page of the admin API's own origin names it as `Host` does.
    private func hasOwnOrigin(_ request: BuiltInRequest) -> Bool {
        if let site = request.field("sec-fetch-site"), site != "same-origin", site != "none" { return false }
        let origins = request.fields.filter { $0.name == "origin" }.map { $0.value.lowercased() }
        guard let origin = origins.first else { return true }
        return origins.count == 1 && origin == "http://" + request.authority.lowercased()
    }
}
