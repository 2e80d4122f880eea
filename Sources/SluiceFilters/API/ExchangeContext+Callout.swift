package import SluiceUpstream

extension ExchangeContext {
    /// A request that a filter makes on behalf of this one. It counts how often both came through this gateway, so that a
    /// filter whose callout meets the same filter again does not go on for ever; make no other kind for an exchange.
    package final func callout(_ method: StaticString = "GET", target: [UInt8]) -> CalloutRequest {
        var request = CalloutRequest(method, target: target)
        request.passes = passes
        return request
    }
}
