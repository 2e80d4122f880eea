import SluiceConfig
import SluiceTesting
import SluiceUpstream
import Testing

/// Bodies of many times the buffers, every byte checked, over real TCP.
@Suite struct LargeBodyTests {
    private static let size = 32 * 1024 * 1024

    @Test func bothWaysWithALength() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            let up = Background { [client = Handover(client)] in
                try client.value.send(Wire.message("PUT / HTTP/1.1", ["Host: a", "Content-Length: \(Self.size)"]))
                try client.value.sendPattern(Self.size)
            }
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.readPattern(Self.size)
            try up.value()
            let down = Background { [upstream = Handover(upstream)] in
                try upstream.value.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: \(Self.size)"]))
                try upstream.value.sendPattern(Self.size)
            }
            #expect(try client.readHead().status == 200)
            try client.readPattern(Self.size)
            try down.value()
            // Nothing is out of step: both connections carry on.
            try client.send(Wire.get("/next"))
            #expect(try upstream.readRequest().target == "/next")
        }
    }

    /// Both directions at the same time, in chunks of many sizes.
    @Test func bothWaysAtOnceInChunks() throws {
        let origin = try ScriptedOrigin()
        let sizes = [1, 15, 16, 17, 255, 4095, 4096, 4097, 65_535, 65_536, 65_537, 200_000]
        let rounds = 40
        @Sendable func sendChunks(_ peer: RawPeer) throws {
            var offset = 0
            for _ in 0..<rounds {
                for size in sizes {
                    try peer.send("\(String(size, radix: 16, uppercase: size % 2 == 0))\r\n")
                    try peer.sendPattern(size, from: offset)
                    try peer.send("\r\n")
                    offset += size
                }
            }
        }
        let total = sizes.reduce(0, +) * rounds
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("PUT / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]))
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]))
            _ = try client.readHead()
            // Sending and receiving touch different parts of a peer.
            let up = Background { [client = Handover(client)] in
                try sendChunks(client.value)
                try client.value.send("0\r\n\r\n")
            }
            let received = Background { [upstream = Handover(upstream)] in
                guard try upstream.value.readChunkedPattern() == total else { throw TestFailure("too little went up") }
            }
            let down = Background { [upstream = Handover(upstream)] in
                try sendChunks(upstream.value)
                // An answer that is complete too early ends the request.
                try received.value()
                try upstream.value.send("0\r\n\r\n")
            }
            #expect(try client.readChunkedPattern() == total)
            try up.value()
            try down.value()
            try client.send(Wire.get("/next"))
            #expect(try upstream.readRequest().target == "/next")
        }
    }

    @Test func throughATunnel() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/", "Connection: Upgrade", "Upgrade: websocket"))
            let upstream = try origin.accept()
            _ = try upstream.readHead()
            try upstream.send("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            _ = try client.readHead()
            let up = Background { [client = Handover(client)] in
                try client.value.sendPattern(Self.size)
                client.value.endOutput()
            }
            let down = Background { [upstream = Handover(upstream)] in
                try upstream.value.sendPattern(Self.size)
                upstream.value.endOutput()
            }
            let received = Background { [upstream = Handover(upstream)] in
                try upstream.value.readPattern(Self.size)
                try upstream.value.expectEnd()
            }
            try client.readPattern(Self.size)
            try client.expectEnd()
            try received.value()
            try up.value()
            try down.value()
        }
    }

    @Test func untilTheEndOfTheConnectionForHTTP10() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.0\r\n\r\n")
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            let down = Background { [upstream = Handover(upstream)] in
                try upstream.value.send("HTTP/1.0 200 OK\r\n\r\n")
                try upstream.value.sendPattern(Self.size)
                upstream.value.close()
            }
            #expect(try client.readHead().status == 200)
            try client.readPattern(Self.size)
            try client.expectEnd()
            try down.value()
        }
    }
}
