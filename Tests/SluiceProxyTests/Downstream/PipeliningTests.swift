import NIOCore
import SluiceConfig
import SluiceTesting
import Testing

/// RFC 9112, section 9.3.2: requests that come before earlier ones are answered.
@Suite struct PipeliningTests {
    @Test func answersComeInOrderBehindASlowFirst() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.routes.insert(.respond("local", .exact("/local")) { $0.body = "local" }, at: 0)
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1") + Wire.get("/local") + Wire.get("/3"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/1")
            try gateway.settle()
            #expect(try client.isSilent && upstream.isSilent && origin.isSilent)
            try upstream.send(Wire.ok("one"))
            #expect(try upstream.readRequest().target == "/3")
            try upstream.send(Wire.ok("three"))
            for expected in ["one", "local", "three"] { #expect(try client.readResponse().text == expected) }
            #expect(origin.acceptedCount == 1)
        }
    }

    @Test func bodiesInBetweenStayWhereTheyBelong() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            let chunked =
                Wire.message("POST /2 HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]) + Wire.chunked("two", "2")
            try client.send(Wire.post("/1", body: "GET /x HTTP/1.1\r\n\r\n") + chunked + Wire.get("/3"))
            let upstream = try origin.accept()
            for (target, body) in [("/1", "GET /x HTTP/1.1\r\n\r\n"), ("/2", "two2"), ("/3", "")] {
                let request = try upstream.readRequest()
                #expect(request.target == target && request.text == body)
                try upstream.send(Wire.ok(target))
                #expect(try client.readResponse().text == target)
            }
        }
    }

    @Test func requestBehindABadOneIsNeverServed() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1") + "GET  /2 HTTP/1.1\r\nHost: a\r\n\r\n" + Wire.get("/3"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/1")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
            let refusal = try client.readResponse()
            #expect(refusal.status == 400 && refusal["Connection"] == "close")
            try client.expectEnd()
            #expect(try upstream.isSilent && origin.isSilent)
        }
    }

    @Test func requestBehindOneThatEndsTheConnectionIsNeverServed() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1", "Connection: close") + Wire.get("/2"))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/1")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
            try client.expectEnd()
            #expect(try upstream.isSilent && origin.isSilent)
        }
    }

    @Test func clientThatEndsItsDirectionBehindTwoRequestsGetsBothAnswers() throws {
        // RFC 9112, section 9.6: the end of what the client sends says nothing about what it wants to receive.
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1") + Wire.get("/2"))
            client.endOutput()
            let upstream = try origin.accept()
            for target in ["/1", "/2"] {
                #expect(try upstream.readRequest().target == target)
                try gateway.settle()
                try upstream.send(Wire.ok(target))
            }
            let answers = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(answers.contains("/1") && answers.hasSuffix("/2"))
        }
    }

    /// A client that sends without end while its first request is not answered is not read without end.
    @Test func readingStopsWhileTooMuchWaits() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            let count = 1000
            let filler = "X-Filler: " + String(repeating: "f", count: 8000)
            let requests = Array((0..<count).map { Wire.get("/\($0)", filler) }.joined().utf8)
            var sent = try client.sendUntilStalled(requests[...])
            #expect(sent < requests.count * 3 / 4, "the gateway took \(sent) bytes of requests that nobody answers")
            let upstream = try origin.accept()
            for i in 0..<count {
                sent += try client.sendUntilStalled(requests[sent...], stall: .zero)
                #expect(try upstream.readRequest().target == "/\(i)")
                try upstream.send(Wire.ok("\(i)"))
                #expect(try client.readResponse().text == "\(i)")
            }
            #expect(sent == requests.count)
        }
    }
}
