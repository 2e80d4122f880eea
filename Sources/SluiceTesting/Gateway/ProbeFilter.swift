package import NIOCore
package import SluiceConfig
package import SluiceFilters

/// A filter that does what a test tells it to.
package struct ProbeFilter: RunnableFilterConfiguration {
    package static let schema = ObjectSchema("probe", doc: "A filter of the test kit.", fields: [])
    package static var mayRepeat: Bool { true }

    package var requestBody = BodyInterest.none
    package var responseBody = BodyInterest.none
    package var onRequest: @Sendable (ExchangeContext) -> HeadVerdict = { _ in .next }
    package var onRequestBody: @Sendable (inout ByteBuffer, Bool, ExchangeContext) -> BodyVerdict = { _, _, _ in .pass }
    package var onResponse: @Sendable (ExchangeContext) -> Void = { _ in }
    package var onResponseBody: @Sendable (inout ByteBuffer, Bool, ExchangeContext) -> BodyVerdict = { _, _, _ in .pass
    }

    package init() {}
    package init(from reader: ObjectReader) {}

    package func makeFilter(_ resources: FilterResources) -> any Filter { Instance(self) }

    /// The filter as part of a model.
    package static func model(_ change: (inout ProbeFilter) -> Void) -> FilterModel {
        var filter = ProbeFilter()
        change(&filter)
        return FilterModel(name: "probe", place: .builtIn, configuration: filter)
    }

    /// A filter that answers everything itself, with a body of any size.
    package static func responding(_ body: [UInt8]) -> FilterModel {
        model { $0.onRequest = { _ in .respond(LocalReply(status: 200, body: body)) } }
    }

    private final class Instance: Filter {
        private let probe: ProbeFilter

        init(_ probe: ProbeFilter) { self.probe = probe }

        var requestBody: BodyInterest { probe.requestBody }
        var responseBody: BodyInterest { probe.responseBody }
        func onRequest(_ exchange: ExchangeContext) -> HeadVerdict { probe.onRequest(exchange) }
        func onResponse(_ exchange: ExchangeContext) { probe.onResponse(exchange) }

        func onRequestBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict {
            probe.onRequestBody(&piece, isLast, exchange)
        }

        func onResponseBody(_ piece: inout ByteBuffer, isLast: Bool, _ exchange: ExchangeContext) -> BodyVerdict {
            probe.onResponseBody(&piece, isLast, exchange)
        }
    }
}
