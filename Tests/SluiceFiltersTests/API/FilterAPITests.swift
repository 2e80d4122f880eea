import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceUpstream
import Testing

@Suite struct FilterAPITests {
    private final class Empty: Filter {}

    @Test func aFilterThatSaysNothingCostsNothing() {
        let filter = Empty()
        let exchange = TestExchange()
        var piece = ByteBuffer(string: "piece")
        #expect(filter.onRequest(exchange).isNext)
        #expect(filter.requestBody == .none)
        #expect(filter.responseBody == .none)
        if case .pass = filter.onRequestBody(&piece, isLast: true, exchange) {} else { Issue.record("not passed") }
        if case .pass = filter.onResponseBody(&piece, isLast: true, exchange) {} else { Issue.record("not passed") }
        #expect(piece == ByteBuffer(string: "piece"))
    }

    @Test func aTicketResumesItsExchangeOnly() {
        let exchange = TestExchange()
        exchange.generation = 5
        let ticket = FilterTicket(exchange)
        // The object serves another request by now.
        exchange.generation = 6
        #expect(!ticket.resume(.next))
        #expect(FilterTicket(exchange).resume(.next))
        #expect(exchange.resumed.map(\.isNext) == [true])
    }

    @Test func aTicketCannotResumeTheWaitOfTheNextFilter() {
        let exchange = TestExchange()
        let first = FilterTicket(exchange)
        #expect(first.resume(.next))
        let second = FilterTicket(exchange)
        #expect(!first.resume(.next))
        #expect(exchange.resumed.count == 1)
        #expect(second.resume(.respond(LocalReply(status: 403))))
        #expect(exchange.resumed.map { $0.reply?.status } == [nil, 403])
    }

    @Test func templatesAreFilledInFromTheExchange() throws {
        let exchange = TestExchange(request: [("X-A", "a")])
        exchange.variables = [.clientIP: "192.0.2.1\r\n"]
        let template = try Template.parse("${header.x-a} ${client.ip}").get()
        #expect(exchange.fieldValue(template) == Array("a 192.0.2.1  ".utf8))
        #expect(exchange.fieldValue(try Template.parse("plain").get()) == Array("plain".utf8))
    }

    @Test func filtersShareTheUpstreamsOfTheirConfiguration() {
        let callouts = CalloutTargets()
        let first = FilterResources.forTest(slot: 0, callouts: callouts)
        let second = FilterResources.forTest(slot: 1, callouts: callouts)
        #expect(first.upstream("auth") === second.upstream("auth"))
        #expect(first.upstream("auth") !== first.upstream("keys"))
        #expect(first.upstream("auth").upstream == nil)
    }

    @Test func theCatalogHoldsEveryFilterOnce() {
        let catalog = BuiltInFilters.catalog
        #expect(Set(catalog.names).count == catalog.names.count)
        #expect(catalog.names == catalog.names.sorted(), "in the order in which people look for them")
        for name in catalog.names { #expect(catalog[name] is any RunnableFilterConfiguration.Type) }
    }
}
