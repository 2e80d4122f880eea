import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Connections, pending requests and requests of an upstream have bounds over all loops.
@Suite struct BreakerTests {
    private func model(_ origin: ScriptedOrigin, _ change: (inout UpstreamLimits) -> Void) -> GatewayModel {
        .forwarding(to: origin.address) { change(&$0.upstreams[0].limits) }
    }

    private func expectOverflow(_ peer: RawPeer) throws {
        let response = try peer.readResponse()
        #expect(response.status == 503 && response.text.contains("upstream_overflow"))
        #expect(response["Connection"] == nil, "the client did nothing wrong")
    }

    @Test func requestBeyondTheLimitIsRefusedAtOnce() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin) { $0.requests = 2 }) { gateway in
            let clients = try (0..<3).map { try gateway.connect(name: "client \($0)") }
            var upstreams: [RawPeer] = []
            for client in clients.prefix(2) {
                try client.send(Wire.get())
                upstreams.append(try origin.accept())
            }
            try clients[2].send(Wire.get())
            try expectOverflow(clients[2])
            // A place is free again as soon as one is done.
            _ = try upstreams[0].readRequest()
            try upstreams[0].send(Wire.ok())
            _ = try clients[0].readResponse()
            try clients[2].send(Wire.get("/again"))
            #expect(try upstreams[0].readRequest().target == "/again")
        }
    }

    @Test func requestsBeyondTheConnectionsWaitInOrder() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin) { $0.connections = 1 }) { gateway in
            var clients: [RawPeer] = []
            for i in 0..<5 {
                clients.append(try gateway.connect(name: "client \(i)"))
                try clients[i].send(Wire.get("/\(i)"))
                try gateway.wait(for: "request \(i)") {
                    gateway.current(.requests) == 1 && gateway.current(.pending) == i
                }
            }
            let upstream = try origin.accept()
            for i in 0..<5 {
                #expect(try upstream.readRequest().target == "/\(i)")
                try upstream.send(Wire.ok("\(i)"))
                #expect(try clients[i].readResponse().text == "\(i)")
            }
            #expect(origin.isSilent && gateway.current(.pending) == 0)
        }
    }

    @Test func requestBeyondTheQueueIsRefusedAtOnce() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(
            model(origin) {
                $0.connections = 1
                $0.pending = 1
            }
        ) { gateway in
            let clients = try (0..<3).map { try gateway.connect(name: "client \($0)") }
            try clients[0].send(Wire.get("/0"))
            let upstream = try origin.accept()
            try gateway.wait(for: "the connection") { gateway.current(.requests) == 1 }
            try clients[1].send(Wire.get("/1"))
            try gateway.wait(for: "the queue") { gateway.current(.requests) == 1 && gateway.current(.pending) == 1 }
            try clients[2].send(Wire.get("/2"))
            try expectOverflow(clients[2])
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok())
            #expect(try upstream.readRequest().target == "/1")
        }
    }

    @Test func connectionThatEndsMakesRoomForTheNextInTheQueue() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin) { $0.connections = 1 }) { gateway in
            let first = try gateway.connect(name: "first")
            try first.send(Wire.get("/1"))
            let upstream = try origin.accept()
            let second = try gateway.connect(name: "second")
            try second.send(Wire.get("/2"))
            try gateway.wait(for: "the queue") { gateway.current(.requests) == 1 && gateway.current(.pending) == 1 }
            upstream.reset()
            #expect(try first.readResponse().status == 502)
            let next = try origin.accept()
            #expect(try next.readRequest().target == "/2")
            try next.send(Wire.ok("2"))
            #expect(try second.readResponse().text == "2")
        }
    }

    @Test func refusedConnectionMakesRoomForTheNextInTheQueue() throws {
        let closed = try ClosedPort()
        let model = GatewayModel.forwarding(to: closed.address) { $0.upstreams[0].limits.connections = 1 }
        try TestGateway.run(model) { gateway in
            let clients = try (0..<4).map { try gateway.connect(name: "client \($0)") }
            for client in clients { try client.send(Wire.get()) }
            for client in clients { #expect(try client.readResponse().status == 503) }
        }
    }

    @Test func idleConnectionToOneEndpointIsClosedForAnother() throws {
        let first = try ScriptedOrigin("first")
        let second = try ScriptedOrigin("second")
        let model = GatewayModel.forwarding(to: first.address, second.address) {
            $0.upstreams[0].limits.connections = 1
        }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            var upstreams: [RawPeer] = []
            for _ in 0..<2 {
                try client.send(Wire.get())
                try gateway.wait(for: "a connection") { !first.isSilent || !second.isSilent }
                let upstream = try first.isSilent ? second.accept() : first.accept()
                upstreams.append(upstream)
                _ = try upstream.readRequest()
                try upstream.send(Wire.ok())
                _ = try client.readResponse()
            }
            try upstreams[0].expectEnd()
            #expect(first.acceptedCount == 1 && second.acceptedCount == 1)
            #expect(gateway.current(.connections) == 1)
        }
    }

    @Test func limitHoldsOverAllLoopsButEachMayHaveOne() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(model(origin) { $0.connections = 1 }, loops: 2) { gateway in
            // The acceptor spreads clients evenly, so there are two on each loop.
            let clients = try (0..<4).map { try gateway.connect(name: "client \($0)") }
            try gateway.wait(for: "the clients") { gateway.connectionCount == 4 }
            for client in clients { try client.send(Wire.get()) }
            try gateway.wait(for: "the requests") { gateway.current(.pending) == 2 }
            let upstreams = [try origin.accept(), try origin.accept()]
            #expect(origin.isSilent && gateway.current(.connections) == 2)
            for upstream in upstreams {
                for _ in 0..<2 {
                    _ = try upstream.readRequest()
                    try upstream.send(Wire.ok())
                }
            }
            for client in clients { #expect(try client.readResponse().status == 200) }
        }
    }

    @Test func connectTimeoutIsA503() throws {
        // A queue of one that nobody takes connections from: the kernel answers no more of them.
        let origin = try ScriptedOrigin(backlog: 0)
        let model = GatewayModel.forwarding(to: origin.address) { $0.upstreams[0].timeouts.connect = .milliseconds(50) }
        try TestGateway.run(model) { gateway in
            let filler = try RawPeer(connectingTo: origin.address)
            let clients = try (0..<3).map { try gateway.connect(name: "client \($0)") }
            for client in clients { try client.send(Wire.get()) }
            let answers = try clients.suffix(1).map { try $0.readResponse() }
            #expect(answers.allSatisfy { $0.status == 503 && $0.text.contains("connect_timeout") })
            filler.close()
        }
    }

    @Test func requestThatWaitsTooLongForAConnectionIsGivenUp() throws {
        let origin = try ScriptedOrigin()
        var model = model(origin) { $0.connections = 1 }
        model.routes[0].timeout = .seconds(2)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let first = try gateway.connect(name: "first")
            try first.send(Wire.get("/1"))
            let upstream = try origin.accept()
            let second = try gateway.connect(name: "second")
            try second.send(Wire.get("/2"))
            try gateway.advance(by: .milliseconds(2200))
            #expect(try first.readResponse().status == 504)
            #expect(try second.readResponse().status == 504)
            try upstream.expectGone()
            #expect(gateway.current(.pending) == 0 && gateway.current(.requests) == 0)
        }
    }
}
