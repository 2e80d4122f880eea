import SluiceConfig
import SluiceProxy
import SluiceTesting
import Testing

/// Bytes that two readers could understand in two ways: refused with an error and the end of the connection, and never
/// forwarded. Each comes with a second request behind it that must not be served either.
@Suite struct SmugglingTests {
    private static let behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Sends bytes to a gateway that forwards everything.
    private func expectRefusal(_ bytes: [UInt8], status: Int = 400) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(bytes + Array(Self.behind.utf8))
            let response = try client.readResponse()
            #expect(response.status == status, "\(response.text)")
            #expect(response["Connection"] == "close")
            try client.expectEnd()
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: z\r\n\r\n",
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET /\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "GET / HTTP/01.1\r\nHost: a\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
    func requestLine(bytes: String) throws { try expectRefusal(Array(bytes.utf8)) }

    @Test(arguments: [
        "X : y", ": y", "X\u{0}: y", "X: \u{0}", "X: \u{1}", "X: a\u{7f}", "X", " X: y", "\tX: y", "X(y): z",
        "\"X\": y", "X\u{b}: y",
        "X: y\r\n folded", "X: y\r\n\tfolded", "X_Y: z", "Caf\u{e9}: x",
    ])
    func fieldLine(line: String) throws {
        try expectRefusal(Array("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n".utf8))
    }

    @Test(
        arguments: [
            [], ["Host: a", "Host: a"], ["Host: a", "Host: b"], ["Host:"], ["Host: a b"], ["Host: a/b"],
            ["Host: a@b"],
            ["Host: a:x"], ["Host: a:70000"], ["Host: [::1"], ["Host: ::1"], ["Host: a%"],
        ] as [[String]]
    )
    func host(lines: [String]) throws { try expectRefusal(Array(Wire.message("GET / HTTP/1.1", lines).utf8)) }

    /// RFC 9112, sections 6.1 to 6.3.
    @Test(
        arguments: [
            (["Content-Length: 5", "Transfer-Encoding: chunked"], 400),
            (["Transfer-Encoding: chunked", "Content-Length: 5"], 400),
            (["Content-Length: 5", "Content-Length: 6"], 400), (["Content-Length: 5, 6"], 400),
            (["Content-Length: 5, 5"], 400),
            (["Content-Length: +5"], 400), (["Content-Length: -5"], 400), (["Content-Length: 0x5"], 400),
            (["Content-Length: 5 "], 200),
            (["Content-Length: 5a"], 400), (["Content-Length:"], 400), (["Content-Length: 5.0"], 400),
            (["Content-Length: 5 5"], 400),
            (["Content-Length: 99999999999999999999999"], 400), (["Transfer-Encoding: chunked, chunked"], 400),
            (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 400),
            (["Transfer-Encoding: gzip, chunked"], 501),
            (["Transfer-Encoding: chunked, identity"], 400), (["Transfer-Encoding: identity"], 501),
            (["Transfer-Encoding: gzip"], 501),
            (["Transfer-Encoding: xchunked"], 501), (["Transfer-Encoding: chunked;x"], 400),
            (["Transfer-Encoding: \"chunked\""], 400),
            (["Transfer-Encoding:"], 400), (["Transfer-Encoding: ,chunked"], 400),
            (["Transfer-Encoding : chunked"], 400),
            (["Transfer-Encoding: chunked\u{b}"], 400), (["Transfer-Encoding\u{b}: chunked"], 400),
            (["Transfer-Encoding: chun\u{1}ked"], 400),
        ] as [([String], Int)]
    )
    func framing(lines: [String], status: Int) throws {
        let head = Wire.message("POST / HTTP/1.1", ["Host: a"] + lines)
        if status != 200 { return try expectRefusal(Array((head + "0\r\n\r\n").utf8), status: status) }
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request = try gateway.exchange(head + "12345", with: origin).request
            #expect(request.text == "12345")
        }
    }

    /// RFC 9110, sections 9.3.6 and 9.3.8: neither has a body, so bytes behind the head could be read in two ways.
    @Test(arguments: ["CONNECT a:1", "TRACE /"], ["Content-Length: 4", "Transfer-Encoding: chunked"])
    func bodyWhereNoneMayBe(start: String, framing: String) throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners[0].allowConnect = true
            $0.listeners[0].allowTrace = true
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("\(start) HTTP/1.1", ["Host: a:1", framing]) + "0\r\n\r\n")
            #expect(try client.readResponse().status == 400)
            try client.expectEnd()
            #expect(origin.isSilent)
        }
    }

    @Test func bodyOfAGETIsForwardedAsABody() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            let inner = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n"
            try client.send(Wire.get("/", "Content-Length: \(inner.utf8.count)") + inner)
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().text == inner)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
            try gateway.settle()
            #expect(try upstream.isSilent && origin.isSilent)
        }
    }

    @Test func transferEncodingInHTTP10() throws {
        try expectRefusal(Array("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".utf8))
    }

    /// RFC 9112, section 7.1. The head was forwarded by then, so the upstream must see the request end unfinished.
    @Test(arguments: [
        "5\n12345\r\n0\r\n\r\n", "5\r\n12345\n0\r\n\r\n", "5\r\n1234567\r\n0\r\n\r\n", "5 \r\n12345\r\n0\r\n\r\n",
        "x\r\n", "\r\n", "-1\r\n",
        "0x5\r\n12345\r\n0\r\n\r\n", "5;\n\r\n12345\r\n", "5 5\r\n12345\r\n0\r\n\r\n", "1000000000000000\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "5;\u{0}\r\n12345\r\n", "5\r\n12345\r\n0\r\nBad Name: x\r\n\r\n",
        "5\r\n12345\r\n0\r\nContent-Length: 5\r\n\r\n",
        "5\r\n12345\r\n0\r\nHost: x\r\n\r\n", "5\r\n12345\r\n0\r\nTransfer-Encoding: x\r\n\r\n",
        "5\r\n12345\r\n0\r\n: x\r\n\r\n",
        "5\r\n12345\r\n0\r\nX: y\n\r\n", "5\r\n12345\r\n0\r\n X: y\r\n\r\n", "5\r\n12345\r0\r\n\r\n",
    ])
    func chunks(body: String) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]) + body + Self.behind
            )
            let response = try client.readResponse()
            #expect(response.status == 400 && response["Connection"] == "close")
            try client.expectEnd()
            try gateway.settle()
            while !origin.isSilent {
                let upstream = try origin.accept()
                try upstream.expectGone()
                #expect(!upstream.sawText("0\r\n\r\n") && !upstream.sawText("smuggled"))
            }
            #expect(origin.acceptedCount <= 1)
        }
    }

    @Test func chunkExtensionThatIsTooLong() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            let head = Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"])
            try client.send(head + "1;" + String(repeating: "x", count: 1000))
            #expect(try client.readResponse().status == 400)
            try client.expectEnd()
        }
    }

    @Test func endlessTrailersAreRefused() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            let head = Wire.message("POST / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"])
            try client.send(head + "0\r\n" + (0..<100).map { "X-\($0): y\r\n" }.joined())
            #expect(try client.readResponse().status == 400)
            try client.expectEnd()
        }
    }

    @Test func acceptedOddities() throws {
        // What the grammar allows and some refuse: obs-text in a value, empty values, one leading empty line.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(
                Array("\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Obs: ".utf8) + [0xE9, 0xFF]
                    + Array("\r\n\r\n".utf8)
            )
            let upstream = try origin.accept()
            let head = try upstream.read(through: "\r\n\r\n")
            #expect(head.contains(0xFF))
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func sameLengthGivenTwiceIsForwardedUnambiguously() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let request =
                Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 4", "Content-Length: 4"]) + "body"
            let seen = try gateway.exchange(request, with: origin).request
            #expect(seen.all("Content-Length") == ["4"] && seen.text == "body")
        }
    }

    /// Any prefix of a request, then the end: no answer by accident, nothing forwarded twice, nothing left behind.
    @Test func everyPrefixOfARequestIsHarmless() throws {
        let request = Array(
            (Wire.message("POST /x HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"])
                + Wire.chunked("ab", trailers: ["X: y"])).utf8
        )
        let model = GatewayModel.routing(.respond("r", .any) { $0.body = "x" })
        try TestGateway.run(model) { gateway in
            for length in 0..<request.count {
                let client = try gateway.connect()
                try client.send(Array(request[..<length]))
                client.endOutput()
                let rest = String(decoding: try client.readToEnd(), as: UTF8.self)
                #expect(rest.isEmpty || rest.hasPrefix("HTTP/1.1 "), "\(length)")
            }
            try gateway.wait(for: "all to be gone") { gateway.connectionCount == 0 }
        }
    }

    /// One byte of a good request replaced by each of some bad ones: the gateway answers or ends, and never forwards
    /// anything that the origin's own strict reader does not understand.
    @Test func oneWrongByteAnywhereNeverConfusesTheUpstream() throws {
        let good = Array(Wire.post("/x?y", body: "body", "X-Field: value").utf8)
        let origin = try RespondingOrigin { request, peer in
            let isSound =
                request.startLine.hasSuffix(" HTTP/1.1") && request.all("Host").count == 1
                && request.all("Content-Length").count <= 1 && !request.rawHead.utf8.contains(0)
            try peer.send(isSound ? Wire.ok() : Wire.status(500))
            return true
        }
        defer { origin.stop() }
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            for place in good.indices {
                for byte in [0x00, 0x0A, 0x0D, 0x20, 0x3A, 0x7F] as [UInt8] where good[place] != byte {
                    var bytes = good
                    bytes[place] = byte
                    let client = try gateway.connect()
                    try client.send(bytes)
                    client.endOutput()
                    let answer = String(decoding: try client.readToEnd(), as: UTF8.self)
                    #expect(!answer.contains("HTTP/1.1 500"), "byte \(byte) at \(place)")
                    #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 "), "byte \(byte) at \(place)")
                }
            }
        }
    }
}
