import SluiceCore

/// Refuses clients by their address. Isolation: one loop. Allocates: for a refusal.
final class IPAccessFilter: Filter {
    private let allowed: NetworkSet.View?
    private let denied: NetworkSet.View?
    private let allowsUnix: Bool
    private let refusal: LocalReply
    /// Keeps the memory of the views.
    private let configuration: IPAccessConfiguration

    init(_ configuration: IPAccessConfiguration) {
        self.configuration = configuration
        allowed = configuration.allowed?.view
        denied = configuration.denied?.view
        allowsUnix = if case .allow = configuration.unix { true } else { false }
        var refusal = LocalReply(.addressForbidden)
        refusal.status = UInt16(clamping: configuration.status)
        self.refusal = refusal
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        allows(exchange.client) ? .next : .respond(refusal)
    }

    /// Deny first, as in Kong, AWS and Azure: an entry of `deny` is an exception from `allow` and never the reverse.
    func allows(_ client: IPAddress?) -> Bool {
        guard let client else { return allowsUnix }
        if let denied, denied.contains(client) { return false }
        guard let allowed else { return true }
        return allowed.contains(client)
    }
}
