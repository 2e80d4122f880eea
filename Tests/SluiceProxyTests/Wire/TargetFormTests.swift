import SluiceConfig
import SluiceTesting
import Testing

/// RFC 9112, section 3.2: the forms of a request target, and what the upstream sees of them.
@Suite struct TargetFormTests {
    @Test func absoluteFormWinsOverTheHostField() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.upstreams[0].host = .preserve
            $0.routes[0].match.hosts = ["real.test"]
        }
        try TestGateway.run(model) { gateway in
            let request = try gateway.exchange(
                "GET http://Real.test:80/a?b=c HTTP/1.1\r\nHost: fake.test\r\n\r\n",
                with: origin
            ).request
            #expect(request.startLine == "GET /a?b=c HTTP/1.1")
            #expect(request.all("Host") == ["Real.test:80"])
            #expect(request["X-Forwarded-Host"] == "Real.test:80")
        }
    }

    @Test(arguments: [("http://a.test", "/"), ("http://a.test?q=1", "/?q=1"), ("HTTP://a.test/x", "/x")])
    func absoluteFormBecomesOriginForm(target: String, expected: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = try gateway.exchange("GET \(target) HTTP/1.1\r\nHost: a.test\r\n\r\n", with: origin).request
            #expect(request.target == expected)
        }
    }

    @Test func asteriskFormStaysAsItIs() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = try gateway.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", with: origin).request
            #expect(request.startLine == "OPTIONS * HTTP/1.1")
        }
    }

    @Test func absoluteFormOPTIONSWithoutAPathBecomesAsteriskForm() throws {
        // RFC 9112, section 3.2.4.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = try gateway.exchange("OPTIONS http://a.test HTTP/1.1\r\nHost: a\r\n\r\n", with: origin)
                .request
            #expect(request.startLine == "OPTIONS * HTTP/1.1")
        }
    }

    @Test(arguments: [
        ("/a/../b", "/b"), ("/a/./b", "/a/b"), ("//a///b", "/a/b"), ("/%7euser", "/~user"),
        ("/a%20b?x=%2F/../y", "/a%20b?x=%2F/../y"),
        ("/a?b?c", "/a?b?c"), ("/a?", "/a?"), ("/caf%C3%A9", "/caf%C3%A9"),
    ])
    func pathIsNormalisedAndQueryIsNot(target: String, expected: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = try gateway.exchange(Wire.get(target), with: origin).request
            #expect(request.target == expected)
        }
    }

    @Test(arguments: ["PROPFIND", "M-SEARCH", "X", "get"])
    func anyTokenIsAMethodAndIsForwarded(method: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = try gateway.exchange("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n", with: origin).request
            #expect(request.startLine == "\(method) / HTTP/1.1")
        }
    }

    @Test(arguments: ["CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"])
    func methodThatIsNotEnabledIsRefused(request: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let response = try gateway.answer(to: request)
            #expect(response.status == 405)
            // RFC 9110, section 15.5.6: the field is required in a 405; an empty one names no method.
            #expect(response["Allow"] != nil)
            #expect(origin.isSilent)
        }
    }

    @Test func traceIsForwardedWhereEnabled() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.listeners[0].allowTrace = true }
        try TestGateway.run(model) { gateway in
            let request = try gateway.exchange("TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n", with: origin).request
            #expect(request.startLine == "TRACE /x HTTP/1.1")
        }
    }
}
