import Glibc
import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceTesting
import Testing

@Suite struct DrainTests {
    @Test("draining under load loses no request: every client is told with an answer")
    func underLoad() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try GatewayKit.run(.forwarding(to: origin.address)) { gateway in
            let load = Load(8, .keepAlive, to: try gateway.address())
            let fresh = try gateway.connect()
            try GatewayKit.eventually("there is load") { load.answered > 200 }
            let drained = Background { gateway.drain(timeout: .seconds(60)) }
            try GatewayKit.eventually("it drains") { gateway.listeners.isEmpty }
            // Connected before, sent only now.
            let answer = try fresh.get("/fresh")
            #expect(answer.text == "/fresh")
            #expect(answer["Connection"] == "close")
            #expect(try drained.value() == 0)
            let outcome = try load.stop()
            #expect(outcome.lost == [])
            #expect(gateway.statistics.connectionsAccepted == 9)
            #expect(gateway.statistics.connectionsClosed == 9)
            #expect(gateway.statistics.requests == outcome.answered + 1)
        }
    }

    @Test("an idle connection is closed properly, and nobody new gets in")
    func idle() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("gateway")
        let model = GatewayModel.routing(.respond("all", .any) { $0.body = "ok" })
        var unix = model
        unix.listeners[0].address = .unix(path: path)
        try GatewayKit.run(unix) { gateway in
            let client = try gateway.connect()
            #expect(try client.get().text == "ok")
            let drained = Background { gateway.drain(timeout: .seconds(60)) }
            try client.expectEnd()
            client.close()
            #expect(try drained.value() == 0)
            #expect(throws: TestFailure.self) { try RawPeer(connectingTo: .unix(path: path)) }
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test("what is still busy after the timeout is cut and counted; who has no answer yet is told")
    func timeout() throws {
        let origin = try ScriptedOrigin()
        try GatewayKit.run(.forwarding(to: origin.address)) { gateway in
            let waiting = try gateway.connect()
            try waiting.send(Wire.get("/slow"))
            let silent = try origin.accept()
            _ = try silent.readRequest()
            let reading = try gateway.connect()
            try reading.send(Wire.get("/long"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 10"]) + "12345")
            _ = try reading.readHead()
            #expect(gateway.drain(timeout: .milliseconds(20)) == 2)
            let answer = try waiting.readResponse()
            #expect(answer.status == 503 && answer.text.contains("\"draining\"") && answer["Connection"] == "close")
            try waiting.expectEnd()
            #expect(try reading.readText(5) == "12345")
            try reading.expectGone()
            try silent.expectGone()
            #expect(gateway.statistics.connectionsOpen == 0)
            #expect(gateway.statistics.errors[.draining] == 1)
        }
    }

    @Test("after a drain there is no reload")
    func noReload() throws {
        let model = GatewayModel.routing(.respond("all", .any) { $0.body = "ok" })
        try GatewayKit.run(model) { gateway in
            gateway.drain(timeout: .zero)
            #expect(throws: StartError.self) { try gateway.reload(model) }
        }
    }
}
