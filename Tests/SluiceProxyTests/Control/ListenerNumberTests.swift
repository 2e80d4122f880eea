import SluiceConfig
import SluiceTesting
import Testing

@testable import SluiceProxy

/// What a loop remembers of listeners that are no longer configured.
@Suite struct ListenerNumberTests {
    @Test func listenerThatIsGoneIsRememberedAsLongAsItHasConnections() throws {
        let origin = try ScriptedOrigin()
        let model = GatewayModel.forwarding(to: origin.address) {
            $0.listeners += [.loopback("unused"), .loopback("gone")]
        }
        try TestGateway.run(model) { gateway in
            func known() throws -> [Set<String>] { try gateway.onLoops { Set($0.listenerNumbers.keys) } }
            #expect(try known() == [["main", "unused", "gone"]])
            let client = try gateway.connect("gone")
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            var next = gateway.model
            next.listeners.removeLast(2)
            try gateway.reload(next)
            #expect(try known() == [["main", "gone"]])
            try upstream.send(Wire.ok())
            _ = try client.readResponse()
            try client.expectEnd()
            client.close()
            try gateway.wait(for: "its end") { gateway.connectionCount == 0 }
            try gateway.reload(next)
            #expect(try known() == [["main"]])
        }
    }
}
