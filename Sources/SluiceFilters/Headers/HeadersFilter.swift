import NIOCore
import SluiceCore

/// Edits the heads as configured. Isolation: one loop. Allocates: only while buffers grow.
final class HeadersFilter: Filter {
    private let request: FieldEdits
    private let response: FieldEdits
    private let loop: LoopContext
    private var values = RenderedValues()

    init(request: FieldEdits, response: FieldEdits, loop: LoopContext) {
        self.request = request
        self.response = response
        self.loop = loop
    }

    var wantsResponse: Bool { !response.isEmpty }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        guard !request.templates.isEmpty else {
            request.apply(to: &exchange.request.fields, values)
            return .next
        }
        defer { loop.giveBack(values.release()) }
        guard values.render(request.templates, for: exchange, in: loop.takeScratch()) else {
            return .respond(LocalReply(.headTooLarge))
        }
        request.apply(to: &exchange.request.fields, values)
        return .next
    }

    func onResponse(_ exchange: ExchangeContext) {
        guard !response.templates.isEmpty else { return response.apply(to: &exchange.response.fields, values) }
        // Values that are too long cannot be refused here any more: their fields are left out.
        _ = values.render(response.templates, for: exchange, in: loop.takeScratch())
        response.apply(to: &exchange.response.fields, values)
        loop.giveBack(values.release())
    }
}
