import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Filters whose own requests lead back to the gateway, and to the same filter.
@Suite struct CalloutLoopTests {
    /// Asks an upstream about every request, and answers with the status that comes back.
    private struct Asking: RunnableFilterConfiguration {
        static let schema = ObjectSchema("asking", doc: "A filter of the test.", fields: [])
        /// Whether what it sends belongs to the exchange.
        var isForExchange = true

        init(isForExchange: Bool) { self.isForExchange = isForExchange }
        init(from reader: ObjectReader) {}

        func makeFilter(_ resources: FilterResources) -> any Filter { Instance(self, resources) }

        private final class Instance: Filter {
            private let asking: Asking
            private let loop: LoopContext
            private let target: CalloutTarget

            init(_ asking: Asking, _ resources: FilterResources) {
                self.asking = asking
                loop = resources.loop
                target = resources.upstream("origin")
            }

            func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
                let path = Array("/asked".utf8)
                var request = asking.isForExchange ? exchange.callout(target: path) : CalloutRequest(target: path)
                // What it says of itself does not count.
                request.fields.append(name: "sluice-passes".utf8, value: "0".utf8)
                let ticket = FilterTicket(exchange)
                Callout(loop: loop).start(request, to: target) { result in
                    switch result {
                    case .success(let answer): ticket.resume(.respond(LocalReply(status: answer.status)))
                    case .failure(let error): ticket.resume(.respond(LocalReply(error)))
                    }
                }
                return .wait
            }
        }
    }

    private func model(_ origin: ListenAddress, isForExchange: Bool = true, _ version: UpstreamProtocol) -> GatewayModel
    {
        .forwarding(to: origin) {
            let asking = Asking(isForExchange: isForExchange)
            $0.filters = [FilterModel(name: "asking", place: .builtIn, configuration: asking)]
            $0.upstreams[0].version = version
        }
    }

    @Test("a callout to the gateway that makes it ends after a few turns", arguments: [UpstreamProtocol.http1, .http2])
    func loop(version: UpstreamProtocol) throws {
        try TestGateway.run(model(.ip(host: "127.0.0.1", port: 1), version)) { gateway in
            try gateway.reload(model(try gateway.address(), version))
            let client = try gateway.connect()
            for round in 1...2 {
                try client.send(Wire.get("/\(round)"))
                #expect(try client.readResponse().status == 508)
                try gateway.wait(for: "the count") { gateway.count(of: .loopDetected) == round }
                #expect(gateway.total(\.requests) == 7 * round)
            }
        }
    }

    @Test("what leads elsewhere says nothing of it, nor what is for no exchange", arguments: [true, false])
    func elsewhere(isForExchange: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin.address, isForExchange: isForExchange, .http1)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            #expect(request.target == "/asked" && request.all("sluice-passes").isEmpty)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }
}
