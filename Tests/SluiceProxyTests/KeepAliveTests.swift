import SluiceConfig
import SluiceTesting
import Testing

/// RFC 9112, section 9.3: persistence on both sides.
@Suite struct KeepAliveTests {
    @Test func requestsOfOneClientShareOneConnectionUpstream() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n")
            let upstream = try origin.accept()
            for i in 0..<3 {
                #expect(try upstream.readRequest().target == "/\(i)")
                try upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(i)")
                #expect(try client.readResponse().text == "\(i)")
                try client.send("GET /\(i + 1) HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            #expect(origin.acceptedCount == 1 && origin.isSilent)
        }
    }
}
