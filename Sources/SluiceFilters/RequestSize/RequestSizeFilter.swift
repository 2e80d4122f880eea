import SluiceCore

/// Judges the sizes that the head tells, and leaves the counting of the body to the engine, which counts it anyway.
///
/// So bodies are neither shown to this filter nor framed anew for its sake. Isolation: one loop. Allocates: for a
/// refusal.
final class RequestSizeFilter: Filter {
    private let body: UInt64
    private let header: Int
    private let headers: Int
    private let query: Int
    private let looksAtHeaders: Bool
    private let requiresLength: Bool

    init(_ configuration: RequestSizeConfiguration) {
        body = configuration.body.map { UInt64($0) } ?? .max
        header = configuration.header ?? .max
        headers = configuration.headers ?? .max
        query = configuration.query ?? .max
        looksAtHeaders = configuration.header != nil || configuration.headers != nil
        requiresLength = configuration.requiresLength
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        problem(exchange).map { .respond(LocalReply($0)) } ?? .next
    }

    private func problem(_ exchange: ExchangeContext) -> GatewayError? {
        if let range = exchange.request.query, Int(range.count) > query { return .uriTooLong }
        if looksAtHeaders, !exchange.request.fields.fits(line: header, total: headers) { return .headTooLarge }
        switch exchange.request.framing {
        case .none: return nil
        case .length(let count): return count > body ? .bodyTooLarge : nil
        case .chunked, .untilClose:
            if requiresLength { return .lengthRequired }
            exchange.requestBodyLimit = min(exchange.requestBodyLimit, body)
            return nil
        }
    }
}

extension HeaderTable {
    /// Whether each line, and all together, take no more bytes than that.
    ///
    /// Lines are at most as many as the listener lets through, so the sum is far from any overflow.
    fileprivate func fits(line: Int, total: Int) -> Bool {
        var sum = 0
        for entry in entries where !entry.isRemoved {
            let size = Int(entry.nameCount) + Int(entry.valueCount)
            if size > line { return false }
            // ": " and the line end.
            sum += size + 4
        }
        return sum <= total
    }
}
