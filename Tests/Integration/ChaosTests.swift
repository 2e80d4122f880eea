import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import SluiceUpstream
import Testing

/// Clients and upstreams that do everything wrong at random moments. Whatever happens, every client gets sound answers
/// or the end of its connection, and afterwards nothing is left: `TestGateway.run` checks connections, breakers,
/// budgets and snapshots.
@Suite struct ChaosTests {
    /// Answers in one of many ways, chosen by the bits of a number in the target.
    private static let origin: RespondingOrigin.Answer = { request, peer in
        let choice = Int(request.target.split(separator: "/").last ?? "") ?? 0
        let body = "for \(request.target)"
        switch choice % 16 {
        case 0: peer.reset()
        case 1: peer.close()
        case 2:
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            peer.reset()
        case 3:
            try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            peer.close()
        case 4: try peer.send("nonsense\r\n\r\n")
        case 5: try peer.send(Wire.ok(body) + Wire.ok("twice"))
        case 6: try peer.send(Wire.status(503))
        case 7: try peer.send("HTTP/1.1 103 Hints\r\n\r\n" + Wire.ok(body))
        case 8:
            try peer.send(Wire.ok(body, "Connection: close"))
            return false
        case 9: try peer.send(Wire.message("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"]) + Wire.chunked(body))
        case 10:
            try peer.send("HTTP/1.0 200 OK\r\n\r\n\(body)")
            return false
        default: try peer.send(Wire.ok(body))
        }
        return choice % 16 > 4 || choice % 16 == 4
    }

    /// One connection of a client: some requests, then one of several ends.
    private static func visit(_ address: ListenAddress, _ random: inout RandomSource) throws {
        let peer = try RawPeer(connectingTo: address)
        for _ in 0..<(1 + random.below(4)) {
            let target = "/\(random.below(16))"
            let body = String(repeating: "b", count: Int(random.below(3) * 50_000))
            let request = Array((body.isEmpty ? Wire.get(target) : Wire.post(target, body: body)).utf8)
            switch random.below(8) {
            case 0:
                try peer.send(Array(request.prefix(Int(random.below(UInt64(request.count))))))
                return peer.reset()
            case 1:
                try peer.send(Array(request.prefix(Int(random.below(UInt64(request.count))))))
                return peer.close()
            case 2:
                try peer.send(request)
                return peer.reset()
            case 3:
                try peer.send(request)
                peer.endOutput()
                _ = try? peer.readToEnd()
                return
            default: try peer.send(request)
            }
            var response: HTTPMessage
            repeat {
                // The end of the connection is a legal answer to a cut body.
                guard let next = try? peer.readResponse() else { return }
                response = next
            } while response.status < 200
            guard [200, 400, 408, 413, 502, 503, 504].contains(response.status) else {
                throw TestFailure(response.startLine)
            }
            if response.status == 200, response.text != "for \(target)" {
                throw TestFailure("\(target): \(response.text)")
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func nothingIsLeftAfterwards(seed: UInt64) throws {
        let origin = try RespondingOrigin(Self.origin)
        defer { origin.stop() }
        let model = GatewayModel.forwarding(to: origin.address) {
            var retry = RetryModel()
            retry.on = [.serverError, .reset, .connectFailure]
            retry.backoffBase = .milliseconds(1)
            $0.routes[0].forwarding.retry = seed % 2 == 0 ? retry : nil
            $0.upstreams[0].limits.connections = seed > 2 ? 3 : 1024
            $0.upstreams[0].limits.pending = seed > 2 ? 2 : 1024
            $0.filters = seed == 4 ? [ProbeFilter.model { $0.onRequest = { _ in .next } }] : []
        }
        try TestGateway.run(model, loops: 2) { gateway in
            let address = try gateway.address()
            let visitors = (0..<6).map { visitor in
                Background {
                    var random = RandomSource(seed: seed &* 1000 &+ UInt64(visitor))
                    for _ in 0..<40 { try Self.visit(address, &random) }
                }
            }
            for visitor in visitors { try visitor.value() }
            try gateway.wait(for: "everybody to be gone") {
                gateway.connectionCount == 0 && gateway.current(.requests) == 0 && gateway.current(.pending) == 0
            }
        }
    }
}
