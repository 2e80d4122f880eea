import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceProxy
import SluiceTesting
import Testing

/// What explain says, held against a gateway that does it.
@Suite struct ExplainAgreementTests {
    private static let answers: [RouteModel] = [
        .respond("answer", .exact("/answer")) {
            $0.status = 203
            $0.body = "${route.name} ${client.ip} ${request.path} ${query.a} ${header.x-a} ${request.host}"
            $0.headers = [HeaderValueModel(name: "x-seen", value: "${request.method} ${request.target}")]
        },
        .respond("template", .template("/t/{a}/{rest...}")) { $0.body = "${path.a} ${path.rest}" },
        .respond("regex", .regex("/r/(?P<id>[0-9]+)(/.*)?")) { $0.body = "${path.id} ${path.2}" },
        .redirect("to", .exact("/to")) { $0.to = "/next/${query.a}" },
        .redirect("prefix", .prefix("/old")) { $0.prefix = "/new/" },
        .redirect("root", .prefix("/strip")) { $0.prefix = "/" },
        .redirect("elsewhere", .prefix("/elsewhere")) {
            $0.scheme = "https"
            $0.host = "www.example.com"
            $0.port = 8443
            $0.keepQuery = false
        },
        .redirect("secure", .exact("/secure")) { $0.scheme = "https" },
        .redirect("port", .exact("/port")) { $0.port = 8080 },
        .redirect("slashes", .prefix("/slashes")) { $0.prefix = "//evil.example" },
        .redirect("whole", .exact("/whole")) { $0.to = "https://a.example/x?y=1" },
    ]

    private static let model: GatewayModel = {
        var model = GatewayModel()
        var trusting = ListenerModel.loopback("trusting")
        trusting.trustedProxies = ["127.0.0.0/8", "10.0.0.0/8"].compactMap { CIDR($0) }
        trusting.underscores = .drop
        trusting.path.encodedSlash = .keep
        trusting.allowTrace = true
        trusting.limits.bodyBytes = 10
        model.listeners = [.loopback("main"), trusting]
        model.routes = answers
        var office = RouteModel.respond("office", .exact("/where")) { $0.body = "office" }
        office.match.source = [CIDR("203.0.113.0/24")].compactMap { $0 }
        var inner = RouteModel.respond("internal", .exact("/internal")) { $0.body = "internal" }
        inner.match.headers = [FieldMatch(name: "x-a", value: .present(true))]
        var put = RouteModel.respond("put", .exact("/put")) { $0.body = "put" }
        put.match.methods = ["PUT", "PURGE"]
        model.routes += [office, inner, put, .respond("where", .exact("/where")) { $0.body = "elsewhere" }]
        return model
    }()

    /// Method, target, further header lines.
    private static let requests: [(String, String, [String])] = [
        ("GET", "/answer", []), ("GET", "/answer?a=1&b=2", ["x-a: 7"]), ("HEAD", "/answer", []),
        ("GET", "//a/../answer?a=%31", ["X-A: 7", "x-a: 8"]), ("TRACE", "/answer", []), ("OPTIONS", "*", []),
        ("GET", "/t/%41/b/c?x", []), ("GET", "/t/a", []), ("GET", "/t//b", []), ("GET", "/r/12/ab", []),
        ("GET", "/r/ab", []),
        ("GET", "/to?a=b%2Fc", []), ("GET", "/to?a=../..", []), ("GET", "/old", []), ("GET", "/old/?q", []),
        ("GET", "/old/a?b=c", []),
        ("GET", "/strip", []), ("GET", "/strip/a", []), ("GET", "/elsewhere/a?b", []), ("GET", "/secure?x=1", []),
        ("GET", "/port", []), ("GET", "/slashes/a", []), ("GET", "/whole?a=b", []),
        ("GET", "/where", []), ("GET", "/where", ["x-forwarded-for: 203.0.113.9"]),
        ("GET", "/where", ["x-forwarded-for: 203.0.113.9, 192.0.2.1"]),
        ("GET", "/where", ["x-forwarded-for: 203.0.113.9, 10.1.1.1"]),
        ("GET", "/where", ["forwarded: for=203.0.113.9"]),
        ("GET", "/where", ["x-forwarded-for: 203.0.113.9, nonsense"]),
        ("GET", "/internal", ["x-a: 1"]), ("GET", "/internal", ["x-a: 1", "connection: x-a"]), ("GET", "/internal", []),
        ("GET", "/put", []), ("PURGE", "/put", []), ("GET", "/a%2Fb", []), ("GET", "/a%2fb/../answer", []),
        ("GET", "/..", []), ("GET", "/a%00", []), ("GET", "/%", []), ("GET", "/a;/..;/b", []), ("GET", "/nothing", []),
        ("GET", "/answer", ["x_a: 1"]), ("POST", "/answer", ["content-length: 11"]), ("CONNECT", "a.test:1", []),
        ("GET", "/answer", ["host: other"]), ("GET", "/answer", ["na me: 1"]),
        ("GET", "/answer", ["transfer-encoding: gzip"]),
        ("GET", "/answer", ["expect: nothing"]), ("POST", "/nothing", ["content-length: a"]),
    ]

    @Test("answers of the gateway's own, refusals and misses", arguments: ["main", "trusting"])
    func answers(_ listener: String) throws {
        let explainer = Explainer(try SnapshotCompiler.compile(Self.model))
        try TestGateway.run(Self.model) { gateway in
            for (method, target, lines) in Self.requests {
                let request = try Self.described(method, target, lines, listener)
                let explanation = try explainer.explain(request)
                var text = Wire.message("\(method) \(target) HTTP/1.1", ["Host: a.test"] + lines)
                if lines.contains("content-length: 11") { text += "12345678901" }
                let answer = try gateway.answer(to: text, listener: listener)
                Self.expectSame(explanation, answer, "\(method) \(target) \(lines)")
            }
        }
    }

    private static func described(
        _ method: String,
        _ target: String,
        _ lines: [String],
        _ listener: String
    ) throws -> ExplainRequest {
        let isPath = target.hasPrefix("/")
        let url = method == "CONNECT" ? "http://\(target)" : isPath ? "http://a.test\(target)" : target
        var request = ExplainRequest(method, url, listener: listener, client: IPAddress("127.0.0.1"))
        request.headers = try lines.map { try ExplainRequest.header($0) }
        // As on the wire: the first Host is there in any case.
        if !isPath || lines.contains(where: { $0.hasPrefix("host") }) {
            request.headers.insert(("Host", "a.test"), at: 0)
        }
        return request
    }

    private static func expectSame(_ explanation: Explanation, _ answer: HTTPMessage, _ what: String) {
        switch explanation.outcome {
        case .refused(let refusal):
            #expect(answer.status == refusal.status, "\(what)")
            if answer["Content-Type"] != nil { #expect(answer.text.contains(refusal.code), "\(what): \(answer.text)") }
        case .redirected(let redirect):
            #expect(answer.status == redirect.status, "\(what)")
            #expect(answer["Location"] == redirect.location, "\(what)")
        case .noRoute(let allowed):
            #expect(answer.status == (allowed.isEmpty ? 404 : 405), "\(what)")
            #expect(answer["Allow"] == (allowed.isEmpty ? nil : allowed.joined(separator: ", ")), "\(what)")
        case .route:
            switch explanation.action {
            case .respond(let status, let type, let body, let headers):
                #expect(answer.status == status, "\(what)")
                #expect(answer["Content-Type"] == type, "\(what)")
                if !what.hasPrefix("HEAD") { #expect(answer.text == body, "\(what)") }
                for header in headers { #expect(answer[header.name] == header.value, "\(what)") }
            case .redirect(let status, let location):
                if location.hasPrefix("(refused") {
                    #expect(answer.status == 400, "\(what)")
                } else {
                    #expect(answer.status == status, "\(what)")
                    #expect(answer["Location"] == location, "\(what)")
                }
            default: Issue.record("\(what): nothing is forwarded here")
            }
        }
    }

    // MARK: Forwarding

    private static let rewrites: [(RewriteModel?, PathMatch)] = [
        (nil, .any), (.prefix("/x"), .prefix("/v1")), (.prefix("/x/"), .prefix("/v1")), (.prefix("/"), .prefix("/v1")),
        (.prefix("/whole"), .exact("/v1/a")), (.path("/p${request.path}?from=${query.a}"), .any),
        (.path("${header.x-none}"), .any), (.regex(pattern: "/([a-z]+)", substitution: "/\\1\\1"), .any),
        (.regex(pattern: "nothing", substitution: "x"), .any), (.prefix("/x"), .prefix("/café")),
    ]

    @Test("what goes upstream", arguments: [HostPolicy.upstream, .preserve, .name("named.example:81")])
    func forwarding(_ host: HostPolicy) throws {
        let origin = try ScriptedOrigin()
        for (rewrite, path) in Self.rewrites {
            var model = GatewayModel.forwarding(to: origin.address) { model in
                model.routes[0].match.path = path
                model.routes[0].forwarding.rewrite = rewrite
                model.routes[0].forwarding.host = host
            }
            model.listeners[0].trustedProxies = [CIDR("127.0.0.1/32")].compactMap { $0 }
            let explainer = Explainer(try SnapshotCompiler.compile(model))
            try TestGateway.run(model) { gateway in
                for target in path == .prefix("/café")
                    ? ["/caf%C3%A9", "/caf%C3%A9/x?y"] : ["/v1/a", "/v1/a?a=1&b", "/v1/a?"]
                {
                    for lines in [[], ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"]] {
                        let request = try Self.described("GET", target, lines, "main")
                        guard case .forward(let facts) = try explainer.explain(request).action else { continue }
                        let text = Wire.message("GET \(target) HTTP/1.1", ["Host: a.test"] + lines)
                        let seen = try gateway.exchange(text, with: origin).request
                        #expect(seen.target == facts.target, "\(target) \(String(describing: rewrite))")
                        #expect(seen["Host"] == facts.host)
                        for line in facts.added { #expect(seen[line.name] == line.value, "\(lines)") }
                    }
                }
            }
        }
    }

    /// Counted in the letters of the file instead of the bytes of the request, a part of the prefix was left over.
    @Test("a prefix with letters outside of ASCII is replaced as a whole")
    func accents() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { model in
            model.routes[0].match.path = .prefix("/café")
            model.routes[0].forwarding.rewrite = .prefix("/x")
        }
        try TestGateway.run(model) { gateway in
            let seen = try gateway.exchange(Wire.get("/caf%C3%A9/au/lait"), with: origin).request
            #expect(seen.target == "/x/au/lait")
        }
    }
}
