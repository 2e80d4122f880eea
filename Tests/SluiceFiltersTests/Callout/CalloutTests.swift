import NIOCore
import SluiceConfig
import SluiceCore
import SluiceUpstream
import Testing

@Suite struct CalloutTests {
    /// Notes how a callout ended, and how often.
    final class Outcome {
        private(set) var results: [Result<CalloutAnswer, GatewayError>] = []

        func note(_ result: Result<CalloutAnswer, GatewayError>) { results.append(result) }

        var answers: [CalloutAnswer] { results.compactMap { try? $0.get() } }

        /// The error of each, or "ok 200".
        var texts: [String] {
            results.map { result in
                switch result {
                case .success(let answer): "ok \(answer.status) \(String(buffer: answer.body))"
                case .failure(let error): error.code
                }
            }
        }
    }

    private let get = CalloutRequest(target: Array("/check?a=1".utf8))

    private func post(_ body: String) -> CalloutRequest {
        var request = CalloutRequest("POST", target: Array("/check".utf8))
        request.body = ByteBuffer(string: body)
        return request
    }

    // MARK: What is sent

    @Test func sendsAWholeRequest() throws {
        let server = ScriptedUpstream()
        var request = post("body")
        request.fields.append(name: "X-Token".utf8, value: "abc".utf8)
        Callout(loop: server.loop).start(request, at: try server.upstream) { _ in }
        #expect(
            try server.connections[0].received()
                == "POST /check HTTP/1.1\r\nHost: 192.0.2.1\r\nX-Token: abc\r\nContent-Length: 4\r\n\r\nbody"
        )
    }

    @Test func announcesABodyOnlyWhereOneIsDue() throws {
        let server = ScriptedUpstream()
        Callout(loop: server.loop).start(get, at: try server.upstream) { _ in }
        #expect(try server.connections[0].received() == "GET /check?a=1 HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n")
        Callout(loop: server.loop).start(post(""), at: try server.upstream) { _ in }
        #expect(try server.connections[1].received().hasSuffix("Content-Length: 0\r\n\r\n"))
    }

    @Test func writesAnewWhatFramesOrRoutes() throws {
        let server = ScriptedUpstream()
        var request = get
        let fields = [
            "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE", "Trailer", "Expect",
            "Keep-Alive",
            "Proxy-Connection", "HTTP2-Settings",
        ]
        for name in fields { request.fields.append(name: name.utf8, value: "9".utf8) }
        Callout(loop: server.loop).start(request, at: try server.upstream) { _ in }
        #expect(try server.connections[0].received() == "GET /check?a=1 HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n")
    }

    @Test func takesTheHostOfTheRequestOrOfTheUpstream() throws {
        let server = ScriptedUpstream { $0.host = .name("auth.example.com") }
        Callout(loop: server.loop).start(get, at: try server.upstream) { _ in }
        #expect(try server.connections[0].received().contains("\r\nHost: auth.example.com\r\n"))
        var request = get
        request.host = Array("other.example.com:8443".utf8)
        Callout(loop: server.loop).start(request, at: try server.upstream) { _ in }
        #expect(try server.connections[1].received().contains("\r\nHost: other.example.com:8443\r\n"))
    }

    static let unsound: [(method: String, target: String, host: String?)] = [
        ("GET ", "/", nil), ("", "/", nil), ("CONNECT", "/", nil), ("GET", "", nil), ("GET", "check", nil),
        ("GET", "/a b", nil), ("GET", "/a\r\nb", nil), ("GET", "/", "a\r\nb"), ("GET", "/", "a b"),
    ]

    @Test(arguments: unsound)
    func refusesWhatWouldBeAnotherRequest(_ method: String, _ target: String, _ host: String?) throws {
        let server = ScriptedUpstream()
        var request = CalloutRequest(target: Array(target.utf8))
        request.method = Array(method.utf8)
        request.host = host.map { Array($0.utf8) }
        let outcome = Outcome()
        Callout(loop: server.loop).start(request, at: try server.upstream, outcome.note)
        #expect(outcome.texts == ["internal_error"])
        #expect(server.connections.isEmpty)
    }

    // MARK: What comes back

    static let answers: [(text: String, ends: Bool)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\n\r\nhello", true),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false),
    ]

    @Test(arguments: answers, [1, 7, 1000])
    func collectsTheAnswer(_ answer: (text: String, ends: Bool), _ piece: Int) throws {
        let server = ScriptedUpstream()
        let outcome = Outcome()
        let callout = Callout(loop: server.loop)
        callout.start(get, at: try server.upstream, outcome.note)
        #expect(callout.isActive)
        var rest = Substring(answer.text)
        while !rest.isEmpty {
            try server.connections[0].send(String(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
        if answer.ends { server.connections[0].end() }
        #expect(outcome.texts == ["ok 200 hello"])
        #expect(!callout.isActive)
        #expect(server.requestsUnderWay == 0)
    }

    @Test func givesTheFieldsWithoutThoseOfTheConnection() throws {
        let server = ScriptedUpstream()
        let outcome = Outcome()
        Callout(loop: server.loop).start(get, at: try server.upstream, outcome.note)
        try server.connections[0].send(
            "HTTP/1.1 403 No\r\nX-Reason: bad\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        let answer = try #require(outcome.answers.first)
        #expect(answer.status == 403)
        var fields = answer.fields
        #expect(TestExchange.lines(&fields) == ["X-Reason: bad"])
    }

    @Test(arguments: ["HEAD", "GET"])
    func anAnswerMayHaveNoBody(_ method: String) throws {
        let server = ScriptedUpstream()
        let outcome = Outcome()
        var request = get
        request.method = Array(method.utf8)
        Callout(loop: server.loop).start(request, at: try server.upstream, outcome.note)
        let head = method == "HEAD" ? "200 OK\r\nContent-Length: 5" : "204 No Content"
        try server.connections[0].send("HTTP/1.1 \(head)\r\n\r\n")
        #expect(outcome.texts == [method == "HEAD" ? "ok 200 " : "ok 204 "])
    }

    static let broken: [(text: String, error: String)] = [
        ("HTP/1.1 200 OK\r\n\r\n", "upstream_protocol_error"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "upstream_protocol_error"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "upstream_truncated"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "upstream_protocol_error"),
        ("", "upstream_closed"),
    ]

    @Test(arguments: broken)
    func saysWhatWentWrong(_ text: String, _ error: String) throws {
        let server = ScriptedUpstream()
        let outcome = Outcome()
        Callout(loop: server.loop).start(get, at: try server.upstream, outcome.note)
        if !text.isEmpty { try server.connections[0].send(text) }
        server.connections[0].end()
        #expect(outcome.texts == [error])
        #expect(server.requestsUnderWay == 0)
    }

    // MARK: Limits

    @Test(arguments: [
        "Content-Length: 6\r\n\r\n", "Content-Length: 9007199254740992\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n", "\r\nabcdef",
    ])
    func aBodyBeyondTheLimitIsAFailure(_ rest: String) throws {
        let server = ScriptedUpstream()
        let outcome = Outcome()
        var request = get
        request.answerLimit = 5
        Callout(loop: server.loop).start(request, at: try server.upstream, outcome.note)
        try server.connections[0].send("HTTP/1.1 200 OK\r\n\(rest)")
        #expect(outcome.texts == ["buffer_limit"])
        #expect(!server.connections[0].isOpen)
        #expect(server.requestsUnderWay == 0)
    }

    @Test func aBodyOfExactlyTheLimitIsFine() throws {
        let server = ScriptedUpstream()
        let outcome = Outcome()
        var request = get
        request.answerLimit = 5
        Callout(loop: server.loop).start(request, at: try server.upstream, outcome.note)
        try server.connections[0].send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        #expect(outcome.texts == ["ok 200 hello"])
    }

    @Test func countsAgainstTheBreakers() throws {
        let server = ScriptedUpstream { $0.limits.requests = 1 }
        let (first, second, third) = (Outcome(), Outcome(), Outcome())
        Callout(loop: server.loop).start(get, at: try server.upstream, first.note)
        Callout(loop: server.loop).start(get, at: try server.upstream, second.note)
        #expect(second.texts == ["upstream_overflow"])
        try server.connections[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(first.texts == ["ok 204 "])
        Callout(loop: server.loop).start(get, at: try server.upstream, third.note)
        try server.connections[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(third.texts == ["ok 204 "])
        #expect(server.connections.count == 1)
    }

    @Test func waitsForAPlaceWhenAllConnectionsAreTaken() throws {
        let server = ScriptedUpstream { $0.limits.connections = 1 }
        let (first, second) = (Outcome(), Outcome())
        Callout(loop: server.loop).start(get, at: try server.upstream, first.note)
        Callout(loop: server.loop).start(post("second"), at: try server.upstream, second.note)
        #expect(try !server.connections[0].received().contains("second"))
        try server.connections[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(try server.connections[0].received().contains("second"))
        try server.connections[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(second.texts == ["ok 204 "])
    }

    @Test func failsWhereThereIsNobodyToAsk() throws {
        let outcome = Outcome()
        let empty = ScriptedUpstream(endpoints: 0)
        Callout(loop: empty.loop).start(get, at: try empty.upstream, outcome.note)
        let closed = ScriptedUpstream()
        closed.connectError = .connectFailed
        Callout(loop: closed.loop).start(get, at: try closed.upstream, outcome.note)
        #expect(outcome.texts == ["no_healthy_upstream", "connect_failed"])
        #expect(empty.requestsUnderWay + closed.requestsUnderWay == 0)
    }

    @Test func aTargetWorksOnceItIsBound() throws {
        let server = ScriptedUpstream()
        let upstream = try server.upstream
        let targets = CalloutTargets()
        let target = targets.target("auth")
        let outcome = Outcome()
        Callout(loop: server.loop).start(get, to: target, outcome.note)
        #expect(outcome.texts == ["no_healthy_upstream"])
        targets.bind { $0 == "auth" ? upstream : nil }
        Callout(loop: server.loop).start(get, to: target, outcome.note)
        try server.connections[0].send("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(outcome.texts == ["no_healthy_upstream", "ok 204 "])
    }
}
