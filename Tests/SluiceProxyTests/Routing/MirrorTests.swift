import NIOCore
import SluiceConfig
import SluiceFilters
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Copies of requests for another upstream, whose fate is nobody's business.
@Suite struct MirrorTests {
    private func model(_ origin: ScriptedOrigin, _ mirror: ListenAddress, share: Double = 1) -> GatewayModel {
        .forwarding(to: origin.address) {
            $0.upstreams.append(.upstream("mirror", [mirror]))
            var mirror = MirrorModel(upstream: "mirror", place: .builtIn)
            mirror.share = share
            $0.routes[0].forwarding.mirror = mirror
            $0.routes[0].forwarding.rewrite = .prefix("/v2")
            $0.routes[0].match.path = .prefix("/v1")
        }
    }

    @Test(arguments: ["Content-Length: 4", "Transfer-Encoding: chunked"])
    func mirrorGetsTheSameRequest(framing: String) throws {
        let origin = try ScriptedOrigin()
        let mirror = try ScriptedOrigin("mirror")
        try TestGateway.run(model(origin, mirror.address)) { gateway in
            let client = try gateway.connect()
            let body = framing.hasPrefix("C") ? "body" : Wire.chunked("bo", "dy")
            try client.send(Wire.message("POST /v1/x HTTP/1.1", ["Host: a.test", framing, "X-Mine: 1"]) + body)
            let upstream = try origin.accept()
            let request = try upstream.readRequest()
            let copy = try mirror.accept().readRequest()
            #expect(copy.startLine == "POST /v2/x HTTP/1.1" && copy.startLine == request.startLine)
            #expect(copy.text == "body" && request.text == "body")
            #expect(copy["X-Mine"] == "1" && copy["X-Forwarded-For"] == "127.0.0.1" && copy.all("Host").count == 1)
            try upstream.send(Wire.ok("answer"))
            #expect(try client.readResponse().text == "answer")
        }
    }

    @Test func answerDoesNotWaitForTheMirror() throws {
        let origin = try ScriptedOrigin()
        let mirror = try ScriptedOrigin("mirror")
        try TestGateway.run(model(origin, mirror.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/0"))
            let upstream = try origin.accept()
            for i in 0..<3 {
                _ = try upstream.readRequest()
                try upstream.send(Wire.ok("\(i)"))
                #expect(try client.readResponse().text == "\(i)")
                if i < 2 { try client.send(Wire.get("/v1/\(i + 1)")) }
            }
            #expect(gateway.total(\.mirrored) == 3)
            // The mirror's answers come late, are cut or never come.
            let copies = try (0..<3).map { _ in try mirror.accept() }
            try copies[0].send(Wire.ok("late"))
            copies[1].reset()
            try gateway.settle()
            #expect(try client.isSilent)
        }
    }

    @Test func mirrorThatCannotBeReachedChangesNothing() throws {
        let origin = try ScriptedOrigin()
        let closed = try ClosedPort()
        try TestGateway.run(model(origin, closed.address)) { gateway in
            let seen = try gateway.exchange(Wire.get("/v1/x"), with: origin)
            #expect(seen.response.status == 200)
        }
    }

    @Test func shareOfZeroMirrorsNothing() throws {
        let origin = try ScriptedOrigin()
        let mirror = try ScriptedOrigin("mirror")
        try TestGateway.run(model(origin, mirror.address, share: 0)) { gateway in
            _ = try gateway.exchange(Wire.get("/v1/x"), with: origin)
            try gateway.settle()
            #expect(mirror.isSilent && gateway.total(\.mirrored) == 0)
        }
    }

    @Test func largeBodyIsNotMirroredButCounted() throws {
        let origin = try ScriptedOrigin()
        let mirror = try ScriptedOrigin("mirror")
        try TestGateway.run(model(origin, mirror.address)) { gateway in
            let seen = try gateway.exchange(
                Wire.post("/v1/x", body: String(repeating: "b", count: 200_000)),
                with: origin
            )
            #expect(seen.request.body.count == 200_000)
            try gateway.settle()
            #expect(mirror.isSilent && gateway.total(\.mirrorsSkipped) == 1)
        }
    }

    @Test func mirroredRequestWhoseBodyAFilterCollectedHasThatBody() throws {
        let origin = try ScriptedOrigin()
        let mirror = try ScriptedOrigin("mirror")
        var model = model(origin, mirror.address)
        model.filters = [
            ProbeFilter.model {
                $0.requestBody = .whole(limit: 1000)
                $0.onRequestBody = { body, _, _ in
                    body.writeString(" and more")
                    return .pass
                }
            }
        ]
        try TestGateway.run(model) { gateway in
            let seen = try gateway.exchange(Wire.post("/v1/x", body: "body"), with: origin)
            #expect(seen.request.text == "body and more")
            let copy = try mirror.accept().readRequest()
            #expect(copy.text == "body and more")
        }
    }

    @Test func clientThatLeavesDoesNotStopTheMirror() throws {
        let origin = try ScriptedOrigin()
        let mirror = try ScriptedOrigin("mirror")
        try TestGateway.run(model(origin, mirror.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/v1/x"))
            let copy = try mirror.accept()
            _ = try copy.readRequest()
            client.reset()
            try gateway.wait(for: "the end of the request") { gateway.current(.requests) == 0 }
            #expect(gateway.current(.requests, of: "mirror") == 1)
            try copy.send(Wire.ok("answer"))
            try gateway.wait(for: "the end of the copy") { gateway.current(.requests, of: "mirror") == 0 }
        }
    }
}
