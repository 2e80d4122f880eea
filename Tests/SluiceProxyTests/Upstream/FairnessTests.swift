import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// One caller never keeps the others out of an upstream.
@Suite("Fairness between callers") struct FairnessTests {
    /// Callers are told apart by what a trusted proxy says about them.
    private func model(_ origin: ScriptedOrigin, _ change: (inout UpstreamLimits) -> Void) throws -> GatewayModel {
        let everybody = try #require(CIDR("127.0.0.0/8"))
        return .forwarding(to: origin.address) {
            $0.listeners[0].trustedProxies = [everybody]
            $0.upstreams[0].limits.connections = 1
            change(&$0.upstreams[0].limits)
        }
    }

    private func send(_ target: String, from address: String, _ gateway: TestGateway) throws -> RawPeer {
        let client = try gateway.connect(name: target)
        try client.send(Wire.get(target, "X-Forwarded-For: \(address)"))
        return client
    }

    /// Sends so many that one is with the origin and the others wait.
    private func sendGreedy(_ count: Int, _ gateway: TestGateway) throws -> [RawPeer] {
        try (0..<count).map { number in
            let client = try send("/greedy/\(number)", from: "10.0.0.1", gateway)
            try gateway.wait(for: "request \(number)") {
                gateway.current(.requests) + gateway.current(.pending) == number + 1 && gateway.current(.requests) == 1
            }
            return client
        }
    }

    private func expectRefused(_ client: RawPeer) throws {
        let response = try client.readResponse()
        #expect(response.status == 503)
        #expect(response.text.contains("tenant_share_exceeded"), "\(response.text)")
    }

    /// Answers what waits, one after the other, and says in which order it came.
    private func answerAll(_ count: Int, _ upstream: RawPeer) throws -> [String] {
        try (0..<count).map { _ in
            let target = try upstream.readRequest().target
            try upstream.send(Wire.ok())
            return target
        }
    }

    @Test("callers take turns, whoever sent more")
    func turns() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin) { _ in }) { gateway in
            let greedy = try sendGreedy(6, gateway)
            let polite = try (0..<2).map { try send("/polite/\($0)", from: "10.0.0.2", gateway) }
            try gateway.wait(for: "the queue") { gateway.current(.pending) == 7 }
            let other = try send("/other", from: "2001:db8::1", gateway)
            try gateway.wait(for: "the queue") { gateway.current(.pending) == 8 }
            let order = try answerAll(9, try origin.accept())
            #expect(
                order == [
                    "/greedy/0", "/polite/0", "/other", "/greedy/1", "/polite/1", "/greedy/2", "/greedy/3", "/greedy/4",
                    "/greedy/5",
                ]
            )
            for client in greedy + polite + [other] { #expect(try client.readResponse().status == 200) }
        }
    }

    @Test("an address of IPv6 is its /64")
    func network() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin) { _ in }) { gateway in
            var clients = try sendGreedy(1, gateway)
            for (number, address) in ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"].enumerated() {
                clients.append(try send("/\(number)", from: address, gateway))
                try gateway.wait(for: "the queue") { gateway.current(.pending) == number + 1 }
            }
            #expect(try answerAll(4, try origin.accept()) == ["/greedy/0", "/0", "/2", "/1"])
            for client in clients { #expect(try client.readResponse().status == 200) }
        }
    }

    @Test("alone, a caller may have the whole queue; it makes room when others come")
    func eviction() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin) { $0.pending = 4 }) { gateway in
            let greedy = try sendGreedy(5, gateway)
            let beyond = try send("/beyond", from: "10.0.0.1", gateway)
            let response = try beyond.readResponse()
            #expect(response.status == 503 && response.text.contains("upstream_overflow"))
            // Its newest gives way, and behind that it may not have more than half while others wait.
            let polite = try send("/polite", from: "10.0.0.2", gateway)
            try expectRefused(greedy[4])
            let again = try send("/again", from: "10.0.0.1", gateway)
            try expectRefused(again)
            let order = try answerAll(5, try origin.accept())
            #expect(order == ["/greedy/0", "/polite", "/greedy/1", "/greedy/2", "/greedy/3"])
            #expect(try polite.readResponse().status == 200)
        }
    }

    @Test("a caller that leaves its place in the queue gets its turn back")
    func leaving() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin) { _ in }) { gateway in
            let greedy = try sendGreedy(4, gateway)
            greedy[1].reset()
            try gateway.wait(for: "the queue") { gateway.current(.pending) == 2 }
            #expect(try answerAll(3, try origin.accept()) == ["/greedy/0", "/greedy/2", "/greedy/3"])
        }
    }

    @Test("a share of the requests under way is a bound, and is given back")
    func requestShare() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin) {
            $0.connections = 10
            $0.requests = 4
            $0.tenantShare.requests = 0.5
        }
        try TestGateway.run(model) { gateway in
            var (clients, upstreams): ([RawPeer], [RawPeer]) = ([], [])
            for number in 0..<2 {
                clients.append(try send("/greedy/\(number)", from: "10.0.0.1", gateway))
                upstreams.append(try origin.accept())
            }
            try expectRefused(try send("/greedy/2", from: "10.0.0.1", gateway))
            let polite = try send("/polite", from: "10.0.0.2", gateway)
            let third = try origin.accept()
            _ = try third.readRequest()
            try third.send(Wire.ok())
            #expect(try polite.readResponse().status == 200)
            // One ends: there is room again.
            _ = try upstreams[0].readRequest()
            try upstreams[0].send(Wire.ok())
            try gateway.wait(for: "the end") { gateway.current(.requests) == 1 }
            clients.append(try send("/greedy/3", from: "10.0.0.1", gateway))
            try gateway.wait(for: "the request") { gateway.current(.requests) == 2 }
            #expect(clients.count == 3)
        }
    }

    @Test("however a request ends, its caller's count goes down", arguments: ["reset", "client", "garbage", "answer"])
    func countsEnd(how: String) throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin) { $0.tenantShare.requests = 0.001 }
        try TestGateway.run(model) { gateway in
            for _ in 0..<3 {
                let client = try send("/", from: "10.0.0.1", gateway)
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try expectRefused(try send("/more", from: "10.0.0.1", gateway))
                switch how {
                case "reset": upstream.reset()
                case "client": client.reset()
                case "garbage": try upstream.send("nonsense\r\n\r\n")
                default:
                    try upstream.send(Wire.ok())
                    upstream.close()
                }
                try gateway.wait(for: "the end") {
                    gateway.current(.requests) == 0 && gateway.current(.connections) == 0
                }
            }
        }
    }
}
