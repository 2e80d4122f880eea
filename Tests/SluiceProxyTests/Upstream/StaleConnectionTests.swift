import SluiceConfig
import SluiceProxy
import SluiceTesting
import Testing

/// RFC 9112, section 9.3.1: the one safe resend of a request that died on a connection used before.
@Suite struct StaleConnectionTests {
    /// Lets one request pass, so that the next one meets a used connection.
    private func used(_ gateway: TestGateway, _ origin: ScriptedOrigin) throws -> (client: RawPeer, upstream: RawPeer) {
        let client = try gateway.connect()
        try client.send(Wire.get("/first"))
        let upstream = try origin.accept()
        _ = try upstream.readRequest()
        try upstream.send(Wire.ok("first"))
        _ = try client.readResponse()
        return (client: client, upstream: upstream)
    }

    @Test(
        arguments: [
            Wire.get("/second"), Wire.message("PUT /second HTTP/1.1", ["Host: a", "Content-Length: 4"]) + "body",
            Wire.message("DELETE /second HTTP/1.1", ["Host: a"]),
        ],
        [true, false]
    )
    func idempotentRequestIsSentAgainOnAFreshConnection(request: String, byReset: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try used(gateway, origin)
            try client.send(request)
            let lost = try upstream.readRequest()
            if byReset { upstream.reset() } else { upstream.close() }
            let fresh = try origin.accept()
            let again = try fresh.readRequest()
            #expect(again.rawHead == lost.rawHead && again.body == lost.body)
            try fresh.send(Wire.ok("second"))
            #expect(try client.readResponse().text == "second")
            #expect(gateway.total(\.resends) == 1 && gateway.total(\.retries) == 0)
        }
    }

    @Test func requestThatMayHaveBeenCarriedOutIsNotSentAgain() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try used(gateway, origin)
            try client.send(Wire.post("/second", body: "body"))
            _ = try upstream.readRequest()
            upstream.reset()
            #expect(try client.readResponse().status == 502)
            try gateway.settle()
            #expect(origin.isSilent && gateway.total(\.resends) == 0)
        }
    }

    @Test func requestWhoseEndWasNeverSentIsSentAgainWhateverItsMethod() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try used(gateway, origin)
            try client.send(Wire.message("POST /second HTTP/1.1", ["Host: a", "Content-Length: 8"]) + "some")
            _ = try upstream.readHead()
            #expect(try upstream.readText(4) == "some")
            upstream.reset()
            let fresh = try origin.accept()
            _ = try fresh.readHead()
            #expect(try fresh.readText(4) == "some")
            try client.send("more")
            #expect(try fresh.readText(4) == "more")
            try fresh.send(Wire.ok("second"))
            #expect(try client.readResponse().text == "second")
        }
    }

    @Test func requestIsSentAgainOnlyOnce() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try used(gateway, origin)
            try client.send(Wire.get("/second"))
            _ = try upstream.readRequest()
            upstream.reset()
            let fresh = try origin.accept()
            _ = try fresh.readRequest()
            fresh.reset()
            #expect(try client.readResponse().status == 502)
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test func firstRequestOfAConnectionIsNotSentAgain() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            upstream.close()
            let response = try client.readResponse()
            #expect(response.status == 502 && response.text.contains("upstream_closed"))
            #expect(origin.isSilent)
        }
    }

    @Test func requestWhoseAnswerHadBegunIsNotSentAgain() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try used(gateway, origin)
            try client.send(Wire.get("/second"))
            _ = try upstream.readRequest()
            try upstream.send("HTTP/1.1 2")
            try gateway.settle()
            upstream.reset()
            #expect(try client.readResponse().status == 502)
            #expect(origin.isSilent)
        }
    }

    @Test func connectionThatEndedWhileIdleIsNotUsed() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try used(gateway, origin)
            upstream.close()
            try gateway.settle()
            try client.send(Wire.post("/second", body: "body"))
            let fresh = try origin.accept()
            #expect(try fresh.readRequest().text == "body")
            try fresh.send(Wire.ok("second"))
            #expect(try client.readResponse().text == "second")
            #expect(gateway.total(\.resends) == 0)
        }
    }

    @Test func bytesOnAnIdleConnectionAreNoAnswerToAnything() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try used(gateway, origin)
            try upstream.send(Wire.ok("poison"))
            try upstream.expectGone()
            try client.send(Wire.get("/second"))
            let fresh = try origin.accept()
            _ = try fresh.readRequest()
            try fresh.send(Wire.ok("second"))
            #expect(try client.readResponse().text == "second")
        }
    }
}
