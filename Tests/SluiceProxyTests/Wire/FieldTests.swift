import SluiceConfig
import SluiceTesting
import Testing

/// Which fields pass the gateway, and how.
@Suite struct FieldTests {
    @Test func fieldsOfTheConnectionDoNotPass() throws {
        // RFC 9110, section 7.6.1.
        let origin = try ScriptedOrigin()
        let request = Wire.get(
            "/",
            "Connection: X-One, keep-alive, x-two",
            "X-One: 1",
            "X-Two: 2",
            "X-Three: 3",
            "Keep-Alive: timeout=9",
            "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic x",
            "TE: gzip",
            "Upgrade: h2c",
            "HTTP2-Settings: x"
        )
        let answer = Wire.ok(
            "ok",
            "Connection: X-Four",
            "X-Four: 4",
            "X-Five: 5",
            "Keep-Alive: timeout=9",
            "Upgrade: h2c"
        )
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let seen = try gateway.exchange(request, with: origin, answer: answer)
            for name in [
                "Connection", "X-One", "X-Two", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE",
                "Upgrade",
                "HTTP2-Settings",
            ] {
                #expect(seen.request[name] == nil, "\(name)")
            }
            #expect(seen.request["X-Three"] == "3")
            for name in ["Connection", "X-Four", "Keep-Alive", "Upgrade"] {
                #expect(seen.response[name] == nil, "\(name)")
            }
            #expect(seen.response["X-Five"] == "5")
        }
    }

    @Test(arguments: [
        "Host", "Content-Length", "Content-Type", "Authorization", "Cookie", "X-Forwarded-For", "X-Forwarded-Host",
        "X-Forwarded-Proto", "Expect", "Date",
    ])
    func nominationDoesNotRemoveWhatTheMessageNeeds(name: String) throws {
        // An attacker could otherwise make the upstream see another message than the gateway did.
        let origin = try ScriptedOrigin()
        let others = ["Content-Type: a/b", "Authorization: B x", "Cookie: c=1", "Expect: 100-continue", "Date: today"]
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].host = .preserve }
        try TestGateway.run(model) { gateway in
            let request = Wire.message(
                "POST / HTTP/1.1",
                ["Host: a.test", "Connection: \(name.lowercased())", "Content-Length: 4"] + others
            )
            let seen = try gateway.exchange(request + "body", with: origin).request
            #expect(seen[name]?.isEmpty == false)
            #expect(seen.text == "body" && seen["Connection"] == nil)
        }
    }

    @Test func trailersAreStillWanted() throws {
        // gRPC needs `TE: trailers`, and the gateway passes trailers on.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = try gateway.exchange(Wire.get("/", "TE: deflate, Trailers;q=0.5, trailers"), with: origin)
                .request
            #expect(request["TE"] == "trailers")
        }
    }

    @Test func nameCaseOrderAndRepetitionStay() throws {
        let origin = try ScriptedOrigin()
        let lines = [
            "x-LOWER: 1", "Accept: a", "X-Two: second  ", "ACCEPT: b", "x-lower: 3", "X-Empty:", "X-Obs: caf\u{e9}",
        ]
        let answer = Wire.message(
            "HTTP/1.1 200 Fine By Me",
            ["set-COOKIE: a=1", "Content-Length: 0", "Set-Cookie: b=2", "x-Y: z"]
        )
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let seen = try gateway.exchange(
                Wire.message("GET / HTTP/1.1", ["Host: a"] + lines),
                with: origin,
                answer: answer
            )
            let passed = lines.joined(separator: "\r\n") + "\r\n"
            #expect(seen.request.rawHead.contains(passed))
            #expect(seen.response.startLine == "HTTP/1.1 200 Fine By Me")
            #expect(Array(seen.response.names.prefix(4)) == ["set-COOKIE", "Content-Length", "Set-Cookie", "x-Y"])
            #expect(seen.response.all("set-cookie") == ["a=1", "b=2"])
        }
    }

    @Test func reasonMayBeEmpty() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let answer = "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"
            let response = try gateway.exchange(Wire.get(), with: origin, answer: answer).response
            #expect(response.startLine == "HTTP/1.1 200 ")
        }
    }

    @Test func dateIsAddedWhereItIsMissing() throws {
        // RFC 9110, section 6.6.1.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let own = try gateway.exchange(Wire.get(), with: origin, answer: Wire.ok("", "date: then")).response
            #expect(own.all("Date") == ["then"])
            let added = try gateway.exchange(Wire.get(), with: origin).response
            #expect(added.all("Date").count == 1 && added["Date"]?.hasSuffix(" GMT") == true)
        }
    }

    @Test(
        arguments: [
            (UnderscorePolicy.refuse, 400, nil), (.drop, 200, nil), (.allow, 200, "1"),
        ] as [(UnderscorePolicy, Int, String?)]
    )
    func namesWithUnderscores(policy: UnderscorePolicy, status: Int, value: String?) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) { $0.listeners[0].underscores = policy }
        try TestGateway.run(model) { gateway in
            let request = Wire.get("/", "X_User: 1", "X-User: 2")
            if status == 400 {
                let refused = try gateway.answer(to: request)
                #expect(refused.status == 400 && refused.text.contains("underscore_in_name"))
                return
            }
            let seen = try gateway.exchange(request, with: origin).request
            #expect(seen["X_User"] == value && seen["X-User"] == "2")
        }
    }
}
