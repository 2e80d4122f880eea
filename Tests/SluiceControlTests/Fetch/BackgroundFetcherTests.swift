import NIOCore
import NIOPosix
import NIOSSL
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceFilters
import SluiceTesting
import SluiceUpstream
import Synchronization
import Testing

extension ListenAddress {
    var port: Int { if case .ip(_, let port) = self { port } else { 0 } }
}

/// One request at a server that does what the test says.
@Suite struct BackgroundFetcherTests {
    /// Fetches from an origin that the test scripts, and gives the answer, or what failed.
    private func fetch(
        _ change: (inout FetchRequest) -> Void = { _ in },
        serve: (RawPeer) throws -> Void
    ) throws -> Result<FetchAnswer, FetchError> {
        let origin = try ScriptedOrigin()
        var result: Result<FetchAnswer, FetchError> = .failure(FetchError("nothing"))
        try FetchKit.run { kit in
            var request = try FetchKit.request(origin.address.port, "/keys?a=b")
            change(&request)
            let answer = kit.begin(request)
            let peer = try origin.accept()
            try serve(peer)
            do { result = .success(try answer.wait()) } catch let error as FetchError { result = .failure(error) }
        }
        return result
    }

    private func message(_ result: Result<FetchAnswer, FetchError>) -> String {
        switch result {
        case .success(let answer): "an answer: \(answer)"
        case .failure(let error): error.message
        }
    }

    @Test func sendsMethodTargetFieldsAndBody() throws {
        let result = try fetch {
            $0.method = "POST"
            $0.fields = [("content-type", "text/plain"), ("Host", "evil.test"), ("Content-Length", "999")]
            $0.body = Array("hello".utf8)
        } serve: { peer in
            let request = try peer.readRequest()
            #expect(request.startLine == "POST /keys?a=b HTTP/1.1")
            #expect(request.all("content-type") == ["text/plain"])
            #expect(request.all("host").count == 1)
            #expect(request.all("host").first?.hasPrefix("127.0.0.1:") == true)
            #expect(request.all("content-length") == ["5"])
            #expect(request.all("connection") == ["close"])
            #expect(request.all("user-agent") == ["sluice"])
            #expect(request.body == Array("hello".utf8))
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok")
        }
        let answer = try result.get()
        #expect(answer.status == 200)
        #expect(answer.body == Array("ok".utf8))
        #expect(answer.field("x-a") == "b")
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        ("HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy", "busy"),
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.1 204 None\r\n\r\n", ""),
    ])
    func understandsAnswers(_ bytes: String, _ body: String) throws {
        let result = try fetch { _ in
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.send(bytes)
        }
        #expect(String(decoding: try result.get().body, as: UTF8.self) == body)
    }

    @Test func anAnswerWithoutLengthEndsWithItsConnection() throws {
        let result = try fetch { _ in
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.send("HTTP/1.0 200 OK\r\n\r\nall of it")
            peer.close()
        }
        #expect(String(decoding: try result.get().body, as: UTF8.self) == "all of it")
    }

    @Test func anAnswerInManyPieces() throws {
        let result = try fetch { _ in
        } serve: { peer in
            _ = try peer.readRequest()
            for byte in Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8) {
                try peer.send([byte])
            }
        }
        #expect(try result.get().body == Array("abc".utf8))
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "the answer was cut off"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "the answer was cut off"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "the answer was cut off"),
        ("", "the connection was closed without an answer"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "no HTTP answer"),
        ("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "no HTTP answer"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "the answer is framed wrongly"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "no HTTP answer"),
    ])
    func refusesBrokenAnswers(_ bytes: String, _ reason: String) throws {
        let result = try fetch { _ in
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.send(bytes)
            peer.close()
        }
        #expect(message(result).hasSuffix(": \(reason)"), "\(message(result))")
    }

    @Test func neverEndingInterimResponsesEnd() throws {
        let result = try fetch { _ in
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.send(String(repeating: "HTTP/1.1 103 Early\r\n\r\n", count: 1 + ResponseHead.interimLimit))
        }
        #expect(message(result).hasSuffix("no HTTP answer"))
    }

    @Test(arguments: ["Content-Length: 2000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n7D0\r\n"])
    func anAnswerOverTheLimitIsAFailure(_ framing: String) throws {
        let result = try fetch {
            $0.answerLimit = 1000
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.send("HTTP/1.1 200 OK\r\n\(framing)" + String(repeating: "x", count: 1500))
            // The fetcher leaves; it does not read the rest.
            try peer.expectGone()
        }
        #expect(message(result).hasSuffix("the answer is larger than 1000 bytes"))
    }

    @Test func anAnswerOfTheLimitIsNone() throws {
        let result = try fetch {
            $0.answerLimit = 1000
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "x", count: 1000))
        }
        #expect(try result.get().body.count == 1000)
    }

    @Test func aHeadWithoutEndIsAFailure() throws {
        let result = try fetch { _ in
        } serve: { peer in
            _ = try peer.readRequest()
            try? peer.send("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 100_000))
            try peer.expectGone()
        }
        #expect(message(result).hasSuffix("the head of the answer is too large"))
    }

    @Test func aServerThatSaysNothingTimesOut() throws {
        let result = try fetch {
            // Long enough for a loaded machine to connect and send.
            $0.timeout = .seconds(1)
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.expectGone()
        }
        #expect(message(result).hasSuffix("no answer within 1s: waiting for the answer"))
    }

    @Test func slowBytesDoNotStretchTheTime() throws {
        let result = try fetch {
            $0.timeout = .seconds(1)
            $0.answerLimit = 1 << 30
        } serve: { peer in
            _ = try peer.readRequest()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            // One byte at a time for as long as somebody listens.
            while (try? peer.send("x")) != nil {}
        }
        #expect(message(result).contains("no answer within 1s"))
    }

    @Test func aRefusedConnectionSaysSo() throws {
        let closed = try ClosedPort()
        try FetchKit.run { kit in
            let request = try FetchKit.request(closed.address.port, "/secret?token=1")
            let message = try kit.failure(request)
            #expect(message.hasSuffix("cannot connect to 127.0.0.1:\(closed.address.port): Connection refused"))
            #expect(!message.contains("token"))
        }
    }

    @Test(arguments: [("GE T", "a", "b"), ("GET", "a b", "c"), ("GET", "a", "b\r\nX: y"), ("", "a", "b")])
    func whatCannotBeSentIsNot(_ method: String, _ name: String, _ value: String) throws {
        try FetchKit.run { kit in
            var request = try FetchKit.request("http://127.0.0.1:9/")
            request.method = method
            request.fields = [(name, value)]
            let message = try kit.failure(request)
            #expect(message.contains("the method is no token") || message.contains("header"))
        }
    }

    // MARK: - Names

    @Test func findsLocalhostInTheHostsFile() throws {
        let origin = try ScriptedOrigin()
        let folder = try TemporaryFolder()
        try TextFile.write("127.0.0.1 keys.test\n", to: folder.path("hosts"))
        try FetchKit.run {
            $0.dns.hostsFile = folder.path("hosts")
        } _: { kit in
            let answer = kit.begin(try FetchKit.request(origin.address.port, host: "keys.test"))
            let peer = try origin.accept()
            #expect(try peer.readRequest().all("host") == ["keys.test:\(origin.address.port)"])
            try peer.send(Wire.ok())
            #expect(try answer.wait().status == 200)
        }
    }

    @Test func triesTheNextAddressWhenOneIsDead() throws {
        let origin = try ScriptedOrigin()
        let folder = try TemporaryFolder()
        try TextFile.write("::1 keys.test\n127.0.0.1 keys.test\n", to: folder.path("hosts"))
        try FetchKit.run {
            $0.dns.hostsFile = folder.path("hosts")
        } _: { kit in
            let answer = kit.begin(try FetchKit.request(origin.address.port, host: "keys.test"))
            let peer = try origin.accept()
            _ = try peer.readRequest()
            try peer.send(Wire.ok())
            #expect(try answer.wait().status == 200)
        }
    }

    @Test func aNameThatDoesNotResolve() throws {
        let dead = try ClosedPort()
        try FetchKit.run {
            $0.dns.servers = ["127.0.0.1:\(dead.address.port)"]
            $0.dns.tries = 1
            $0.dns.searchDomains = []
        } _: { kit in
            let message = try kit.failure(try FetchKit.request("http://nowhere.test/"))
            #expect(message.contains("name server"), "\(message)")
            #expect(message.hasPrefix("http://nowhere.test: "))
        }
    }

    @Test func aNameThatIsNone() throws {
        try FetchKit.run { kit in
            let failure = try kit.failure(try FetchKit.request("http://a..b/"))
            #expect(failure.hasSuffix("'a..b' is no host name"))
        }
    }

    // MARK: - Bounds

    @Test func onlySoManyRunAtOnceAndSoManyWait() throws {
        let origin = try ScriptedOrigin()
        try FetchKit.run {
            $0.concurrency = 2
            $0.waiting = 1
        } _: { kit in
            let request = try FetchKit.request(origin.address.port)
            let first = kit.begin(request)
            let second = kit.begin(request)
            let third = kit.begin(request)
            // The third waits, so there is no place for a fourth.
            #expect(try kit.failure(request).hasSuffix("too many requests of the gateway's own wait"))
            let peers = [try origin.accept(), try origin.accept()]
            #expect(origin.isSilent)
            for peer in peers {
                _ = try peer.readRequest()
                try peer.send(Wire.ok())
            }
            #expect(try first.wait().status == 200)
            #expect(try second.wait().status == 200)
            let last = try origin.accept()
            _ = try last.readRequest()
            try last.send(Wire.ok())
            #expect(try third.wait().status == 200)
        }
    }

    /// What `/metrics` would say of fetches, without those that never happened.
    private func counted(_ metrics: MetricsRegistry) -> Set<String> {
        let text = String(decoding: metrics.write(.prometheus, now: SystemClock.monotonic()), as: UTF8.self)
        return Set(
            text.split(separator: "\n").filter { $0.hasPrefix("sluice_fetches_total") && !$0.hasSuffix(" 0") }.map {
                String($0.dropFirst("sluice_fetches_total".count))
            }
        )
    }

    @Test func countsWhatCameOfThem() throws {
        let metrics = MetricsRegistry()
        let origin = try ScriptedOrigin()
        try FetchKit.run {
            $0.metrics = metrics.makeShard()
            $0.concurrency = 1
            $0.waiting = 0
        } _: { kit in
            let request = try FetchKit.request(origin.address.port)
            for answer in [Wire.ok(), Wire.ok(), Wire.status(404), Wire.status(503), "nonsense\r\n\r\n"] {
                let running = kit.begin(request)
                let peer = try origin.accept()
                _ = try peer.readRequest()
                if answer == Wire.status(404) { _ = try kit.failure(request) }
                try peer.send(answer)
                _ = try? running.wait()
            }
            var hasty = request
            hasty.timeout = .milliseconds(20)
            _ = try kit.failure(hasty)
            let results = [
                #""2xx"} 2"#, #""4xx"} 1"#, #""5xx"} 1"#, #""failed"} 1"#, #""refused"} 1"#, #""timeout"} 1"#,
            ]
            #expect(counted(metrics) == Set(results.map { "{result=" + $0 }))
        }
    }

    @Test func waitingCountsAgainstTheTime() throws {
        let origin = try ScriptedOrigin()
        try FetchKit.run {
            $0.concurrency = 1
        } _: { kit in
            let request = try FetchKit.request(origin.address.port)
            let first = kit.begin(request)
            var hasty = request
            hasty.timeout = .milliseconds(50)
            #expect(try kit.failure(hasty).hasSuffix("no answer within 50ms: waiting for its turn"))
            let peer = try origin.accept()
            _ = try peer.readRequest()
            try peer.send(Wire.ok())
            _ = try first.wait()
            // Its turn has come and gone without a connection.
            let next = kit.begin(request)
            let another = try origin.accept()
            _ = try another.readRequest()
            try another.send(Wire.ok())
            _ = try next.wait()
            #expect(origin.acceptedCount == 2)
        }
    }

    @Test func stoppingEndsAllThatRunsAndWaits() throws {
        let origin = try ScriptedOrigin()
        try FetchKit.run {
            $0.concurrency = 1
        } _: { kit in
            let request = try FetchKit.request(origin.address.port)
            let all = [kit.begin(request), kit.begin(request)]
            let peer = try origin.accept()
            _ = try peer.readRequest()
            try kit.fetcher.stop().wait()
            for one in all { #expect(throws: FetchError.self) { try one.wait() } }
            #expect(try kit.failure(request).hasSuffix("the gateway is stopping"))
            try peer.expectGone()
        }
    }
}

@Suite struct BackgroundFetcherTLSTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private func fetch(
        _ identity: TestCertificates.Identity,
        host: String = "localhost",
        roots: [NIOSSLCertificate]? = nil,
        answer: String = BackgroundFetcherTLSTests.answer,
        closesProperly: Bool = true
    ) throws -> Result<FetchAnswer, FetchError> {
        let server = try FetchServer(identity, answer: answer, closesProperly: closesProperly)
        defer { try? server.stop() }
        let folder = try TemporaryFolder()
        try TextFile.write("127.0.0.1 localhost\n", to: folder.path("hosts"))
        var result: Result<FetchAnswer, FetchError> = .failure(FetchError("nothing"))
        try FetchKit.run {
            $0.trustRoots = try roots ?? TestCertificates.authority()
            $0.dns.hostsFile = folder.path("hosts")
        } _: { kit in
            let request = try FetchKit.request("https://\(host):\(server.port)/keys")
            do { result = .success(try kit.fetch(request)) } catch let error as FetchError { result = .failure(error) }
        }
        return result
    }

    private func message(_ result: Result<FetchAnswer, FetchError>) -> String {
        switch result {
        case .success(let answer): "an answer: \(answer)"
        case .failure(let error): error.message
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func fetchesOverTLS(_ host: String) throws {
        #expect(try fetch(TestCertificates.localhost(), host: host).get().body == Array("ok".utf8))
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func aCertificateForSomebodyElse(_ host: String) throws {
        let message = message(try fetch(TestCertificates.elsewhere(), host: host))
        #expect(message.hasSuffix("the certificate is not one for '\(host)'"), "\(message)")
    }

    @Test func anAuthorityThatNobodyTrusts() throws {
        let roots = try TestCertificates.anotherAuthority()
        let message = message(try fetch(TestCertificates.localhost(), roots: roots))
        #expect(message.contains("the certificate is not trusted"), "\(message)")
    }

    @Test func theSystemDoesNotTrustTheTestsEither() throws {
        let server = try FetchServer(TestCertificates.localhost(), answer: Self.answer)
        defer { try? server.stop() }
        try FetchKit.run { kit in
            let message = try kit.failure(try FetchKit.request("https://127.0.0.1:\(server.port)/"))
            #expect(message.contains("the certificate is not trusted"), "\(message)")
        }
    }

    @Test func anExpiredCertificate() throws {
        let message = message(try fetch(TestCertificates.expired()))
        #expect(message.contains("the certificate is not trusted: it has expired"), "\(message)")
    }

    @Test func aServerWithoutTLS() throws {
        let origin = try ScriptedOrigin()
        try FetchKit.run { kit in
            var request = try FetchKit.request("https://127.0.0.1:\(origin.address.port)/")
            request.timeout = .seconds(5)
            let answer = kit.begin(request)
            let peer = try origin.accept()
            try peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            do {
                _ = try answer.wait()
                Issue.record("an answer came")
            } catch let error as FetchError {
                #expect(error.message.contains("the server does not speak TLS"), "\(error.message)")
            }
        }
    }

    @Test func anEndThatTLSDidNotAnnounceMayBeACut() throws {
        let result = try fetch(
            TestCertificates.localhost(),
            answer: "HTTP/1.0 200 OK\r\n\r\npart of it",
            closesProperly: false
        )
        #expect(message(result).hasSuffix("the answer was cut off"), "\(message(result))")
    }

    @Test func anEndThatTLSAnnouncedIsOne() throws {
        let result = try fetch(TestCertificates.localhost(), answer: "HTTP/1.0 200 OK\r\n\r\nall of it")
        #expect(try result.get().body == Array("all of it".utf8))
    }
}
