import SluiceConfig
import SluiceCore
import SluiceTesting
import Testing

/// Connections that begin with a PROXY protocol header, on either side.
@Suite struct ProxyProtocolTests {
    private func model(
        _ origin: ScriptedOrigin,
        _ policy: ProxyProtocolPolicy,
        trusted: [String] = ["127.0.0.0/8"]
    ) throws
        -> GatewayModel
    {
        var model = GatewayModel.forwarding(to: origin.address)
        model.listeners[0].proxyProtocol = policy
        model.listeners[0].trustedProxies = try trusted.map { try #require(CIDR($0)) }
        return model
    }

    private static let header = "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"

    @Test("a trusted proxy says who the client is, byte by byte if need be", arguments: [1, 200])
    func trusted(pieces: Int) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, .require)) { gateway in
            let client = try gateway.connect()
            let bytes = Array((Self.header + Wire.get()).utf8)
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                try client.send(Array(bytes[start..<min(start + pieces, bytes.count)]))
                try gateway.settle()
            }
            let upstream = try origin.accept()
            #expect(try upstream.readRequest()["X-Forwarded-For"] == "203.0.113.9")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test("a stranger's header is a bad request where it may come, and ends the connection where it must")
    func strangers() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, .accept, trusted: ["192.0.2.0/24"])) { gateway in
            let client = try gateway.connect()
            try client.send(Self.header + Wire.get())
            #expect(try client.readResponse().status == 400)
        }
        try TestGateway.run(try model(origin, .require, trusted: ["192.0.2.0/24"])) { gateway in
            let client = try gateway.connect()
            try client.send(Self.header + Wire.get())
            try client.expectGone()
            try gateway.wait(for: "the count") { gateway.count(of: .badProxyHeader) == 1 }
        }
        #expect(origin.isSilent)
    }

    @Test(
        "a header that is none ends the connection and is counted, wherever one may come",
        arguments: [
            // A datagram; a TLV that is cut; a checksum that is wrong.
            [0x21, 0x12, 0, 12, 203, 0, 113, 9, 192, 0, 2, 1, 0, 1, 0, 2],
            [0x21, 0x11, 0, 15, 203, 0, 113, 9, 192, 0, 2, 1, 0, 1, 0, 2, 4, 0, 1],
            [0x21, 0x11, 0, 19, 203, 0, 113, 9, 192, 0, 2, 1, 0, 1, 0, 2, 3, 0, 4, 1, 2, 3, 4],
        ] as [[UInt8]],
        [ProxyProtocolPolicy.accept, .require]
    )
    func broken(rest: [UInt8], policy: ProxyProtocolPolicy) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, policy)) { gateway in
            let client = try gateway.connect()
            let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
            try client.send(signature + rest + Array(Wire.get().utf8))
            try client.expectGone()
            try gateway.wait(for: "the count") { gateway.count(of: .badProxyHeader) == 1 }
        }
        #expect(origin.isSilent)
    }

    @Test("where a header may come, a trusted peer may leave it out; where it must, it may not")
    func leftOut() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, .accept)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            #expect(try upstream.readRequest()["X-Forwarded-For"] == "127.0.0.1")
        }
        try TestGateway.run(try model(origin, .require)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            try client.expectGone()
        }
    }

    @Test("an upstream that wants it is told the client on each connection, and none serves two clients")
    func upstream() throws {
        let origin = try ScriptedOrigin()
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams[0].proxyProtocol = .v1
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            for _ in 0..<2 {
                try client.send(Wire.get())
                let upstream = try origin.accept()
                let line = String(decoding: try upstream.read(through: "\r\n"), as: UTF8.self)
                #expect(line.hasPrefix("PROXY TCP4 127.0.0.1 127.0.0.1 "))
                _ = try upstream.readRequest()
                try upstream.send(Wire.ok())
                #expect(try client.readResponse().status == 200)
                try upstream.expectEnd()
            }
        }
    }
}
