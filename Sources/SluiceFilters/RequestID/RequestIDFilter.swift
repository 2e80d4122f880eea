import SluiceCore

/// Decides on the id of a request. Isolation: one loop. Allocates: the id.
final class RequestIDFilter: Filter {
    private let header: [UInt8]
    private let key: FieldKey
    private let trust: Bool
    private let echo: Bool
    private let loop: LoopContext

    init(header: [UInt8], trust: Bool, echo: Bool, loop: LoopContext) {
        self.header = header
        self.key = FieldKey(header)
        self.trust = trust
        self.echo = echo
        self.loop = loop
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        // An exchange has one id: one that an earlier filter chose, or that was asked for already, stays.
        if exchange.requestID.isEmpty {
            if trust, let id = clientID(in: exchange.request.fields) {
                exchange.requestID = id
                return .next
            }
            exchange.requestID = RequestID.make(&loop.random)
        }
        exchange.request.fields.remove(key)
        exchange.request.fields.append(name: header, value: exchange.requestID)
        return .next
    }

    /// Replaces: an upstream may have echoed the id too, and an error of the gateway carries it already.
    func onResponse(_ exchange: ExchangeContext) {
        guard echo else { return }
        exchange.response.fields.remove(key)
        exchange.response.fields.append(name: header, value: exchange.requestID)
    }

    /// The id that the client sent; nil when there is none, more than one, or one that could upset a log.
    private func clientID(in fields: HeaderTable) -> [UInt8]? {
        guard let index = fields.firstIndex(of: key) else { return nil }
        guard fields.firstIndex(of: key, from: index + 1) == nil else { return nil }
        return fields.withBytes(fields.entries[index].valueRange) { value in
            (1...128).contains(value.count) && value.allSatisfy(ASCII.isToken) ? Array(value) : nil
        }
    }
}
