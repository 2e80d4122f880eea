import SluiceConfig
import SluiceProxy
import SluiceTesting
import Testing

/// Redirects and direct responses.
@Suite struct LocalAnswerTests {
    @Test(arguments: [
        (RedirectModel.make { $0.to = "/new" }, "/old?q=1", 308, "/new?q=1"),
        (
            RedirectModel.make {
                $0.to = "/new"
                $0.keepQuery = false
                $0.status = 301
            }, "/old?q=1", 301, "/new"
        ),
        (RedirectModel.make { $0.to = "https://b.test/x?own=1" }, "/old?q=1", 308, "https://b.test/x?own=1"),
        (RedirectModel.make { $0.prefix = "/base" }, "/old/a?q=1", 308, "/base/a?q=1"),
        (RedirectModel.make { $0.scheme = "https" }, "/old/a?q=1", 308, "https://a.test/old/a?q=1"),
        (
            RedirectModel.make {
                $0.host = "b.test"
                $0.port = 8443
                $0.scheme = "https"
            }, "/old", 308, "https://b.test:8443/old"
        ),
        (
            RedirectModel.make {
                $0.scheme = "https"
                $0.port = 443
            }, "/old", 308, "https://a.test/old"
        ),
        (RedirectModel.make { $0.to = "/by/${request.method}" }, "/old", 308, "/by/GET"),
    ])
    func redirectGoesTo(redirect: RedirectModel, target: String, status: Int, location: String) throws {
        let model = GatewayModel.routing(.redirect("r", .prefix("/old")) { $0 = redirect })
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.get(target))
            #expect(response.status == status && response["Location"] == location)
            #expect(response["Content-Length"] == "0")
        }
    }

    @Test func redirectCannotBeMadeToPointElsewhere() throws {
        // A path of two slashes would be an absolute reference to another host.
        var model = GatewayModel.routing(.redirect("r", .any) { $0.prefix = "" })
        model.listeners[0].path.mergeSlashes = false
        model.listeners[0].path.normalize = false
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.get("//evil.test/x"))
            let location = response["Location"] ?? ""
            #expect(!location.hasPrefix("//") && !location.contains("://evil"))
        }
    }

    @Test func respondSendsStatusFieldsAndBody() throws {
        let model = GatewayModel.routing(
            .respond("r", .template("/hello/{name}")) {
                $0.status = 418
                $0.body = "Hello!"
                $0.contentType = "text/x-greeting"
                $0.headers = [HeaderValueModel(name: "X-From", value: "${client.ip} to ${path.name}")]
            }
        )
        try TestGateway.run(model) { gateway in
            let response = try gateway.answer(to: Wire.get("/hello/World"))
            #expect(response.status == 418 && response.text == "Hello!")
            #expect(response["Content-Type"] == "text/x-greeting" && response["X-From"] == "127.0.0.1 to World")
        }
    }

    @Test func bodyOfARequestThatIsAnsweredLocallyIsReadAway() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" })) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try client.send(Wire.post(body: "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"))
                #expect(try client.readResponse().text == "x")
            }
            try gateway.settle()
            #expect(try client.isSilent)
            #expect(gateway.total(\.requests) == 2)
        }
    }

    @Test func answersOfLocalRoutesUpTo599AreSentWithAReason() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.status = 503 })) { gateway in
            let response = try gateway.answer(to: Wire.get())
            #expect(response.startLine == "HTTP/1.1 503 Service Unavailable" && response.body.isEmpty)
        }
    }
}

extension RedirectModel {
    fileprivate static func make(_ change: (inout RedirectModel) -> Void) -> RedirectModel {
        var model = RedirectModel()
        change(&model)
        return model
    }
}
