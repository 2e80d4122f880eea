import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

/// Who is kept out of the admin API.
@Suite struct AdminAccessTests {
    private let base = GatewayModel.routing(.respond("all", .prefix("/")) { $0.body = "traffic" })

    @Test(
        "without a token, a name that may have been rebound is refused for every method",
        arguments: [
            ("127.0.0.1", 200), ("127.0.0.1:80", 200), ("[::1]:80", 200), ("localhost", 200), ("LOCALHOST:80", 200),
            ("gateway.localhost", 200), ("10.1.2.3", 200), ("evil.example", 403), ("evil.example:80", 403),
            ("127.0.0.1.evil.example", 403), ("localhost.evil.example", 403), ("gateway.internal", 200),
            ("127.1", 403), ("0x7f000001", 403),
        ]
    )
    func rebinding(_ host: String, _ status: Int) throws {
        try AdminKit.run(AdminKit.model(base, hosts: ["gateway.internal"]), drain: {}) { gateway in
            let live = try gateway.ask("GET", "/live", host: host)
            #expect(live.status == status)
            #expect(try gateway.ask("GET", "/config", host: host).status == status)
            #expect(try gateway.ask("POST", "/drain", host: host).status == (status == 200 ? 202 : 403))
        }
    }

    @Test(
        "a page of another origin cannot give orders",
        arguments: [
            ("Origin: http://evil.example", 403), ("Origin: null", 403), ("Origin: https://127.0.0.1", 403),
            ("Origin: http://127.0.0.1", 202), ("Origin: http://127.0.0.1:81", 403),
            ("Sec-Fetch-Site: cross-site", 403),
            ("Sec-Fetch-Site: same-site", 403), ("Sec-Fetch-Site: same-origin", 202), ("Sec-Fetch-Site: none", 202),
            ("Origin: http://127.0.0.1\r\nOrigin: http://evil.example", 403), ("X-Nothing: 1", 202),
        ]
    )
    func otherOrigins(_ line: String, _ status: Int) throws {
        try AdminKit.run(AdminKit.model(base), drain: {}) { gateway in
            let answer = try gateway.ask("POST", "/drain", host: "127.0.0.1", line)
            #expect(answer.status == status)
        }
    }

    @Test(
        "with a token every request must carry it, once and whole",
        arguments: [
            ("Authorization: Bearer \(AdminKit.token)", 200, ""), ("authorization: bearer \(AdminKit.token)", 200, ""),
            ("X-Nothing: 1", 401, "credential_missing"), ("Authorization: Bearer", 401, "credential_missing"),
            ("Authorization: Bearer ", 401, "credential_missing"),
            ("Authorization: Basic \(AdminKit.token)", 401, "credential_missing"),
            ("Authorization: Bearer \(AdminKit.token)0", 401, "credential_invalid"),
            ("Authorization: Bearer \(AdminKit.token.dropLast())", 401, "credential_invalid"),
            ("Authorization: Bearer \(AdminKit.token.uppercased())", 401, "credential_invalid"),
            (
                "Authorization: Bearer \(AdminKit.token)\r\nAuthorization: Bearer \(AdminKit.token)", 401,
                "credential_missing"
            ),
        ]
    )
    func token(_ line: String, _ status: Int, _ code: String) throws {
        try AdminKit.run(AdminKit.model(base, token: AdminKit.token)) { gateway in
            for path in ["/live", "/metrics", "/nowhere"] {
                let answer = try gateway.ask("GET", path, host: "gateway.example", line)
                #expect(answer.status == (status == 200 && path == "/nowhere" ? 404 : status))
                #expect(answer.text.contains(code))
                if status == 401 { #expect(answer["WWW-Authenticate"] == #"Bearer realm="sluice admin""#) }
            }
        }
    }

    @Test("a body that nobody asked for does not get in the way, one that is too large is refused")
    func bodies() throws {
        try AdminKit.run(AdminKit.model(base), drain: {}) { gateway in
            let peer = try gateway.connect(AdminModel.listenerName)
            try peer.send("POST /drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello")
            #expect(try peer.readResponse().status == 202)
            try peer.send("GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            #expect(try peer.readResponse().status == 200)
            try peer.send("POST /drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n")
            #expect(try peer.readResponse().status == 413)
        }
    }

    @Test("a query as long as a target may be is answered")
    func hugeQuery() throws {
        try AdminKit.run(AdminKit.model(base)) { gateway in
            let many = String(repeating: "header=a:b&", count: 1300)
            let answer = try gateway.ask("/explain?\(many)url=/x")
            #expect(answer.status == 200)
            let escapes = String(repeating: "%41", count: 5000)
            #expect(try gateway.ask("/explain?url=/\(escapes)").status == 200)
            #expect(try gateway.ask("/explain?url=/\(escapes)\(escapes)").status == 414)
        }
    }
}
