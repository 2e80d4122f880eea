import NIOCore
import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

/// The control side of upstreams inside of a whole gateway; its rules are tested in `SluiceUpstreamTests/Supervisor`.
@Suite struct UpstreamControlTests {
    @Test("a name is looked up before the gateway is ready, and is what the upstream sees as host")
    func names() throws {
        let origin = try RespondingOrigin { request, peer in
            try peer.send(Wire.ok(request["Host"] ?? ""))
            return true
        }
        defer { origin.stop() }
        guard case .ip(_, let port) = origin.address else { throw TestFailure("no port") }
        let model = GatewayModel.forwarding { model in
            model.upstreams[0].endpoints = [EndpointModel(address: .name("localhost", port: port), place: .builtIn)]
            model.upstreams[0].dns.family = .v4
        }
        try GatewayKit.run(model) { gateway in
            let host = try gateway.get().text
            #expect(host == "localhost:\(port)")
        }
    }

    @Test("endpoints that fail their health checks get no requests")
    func healthChecks() throws {
        let well = try RespondingOrigin()
        let ill = try RespondingOrigin { request, peer in
            try peer.send(request.target == "/healthz" ? Wire.status(500) : Wire.ok("ill"))
            return true
        }
        defer {
            well.stop()
            ill.stop()
        }
        var check = HealthCheckModel(probe: .http(path: "/healthz", host: nil, statuses: [200...200]))
        check.interval = .milliseconds(100)
        let model = GatewayModel.forwarding(to: ill.address, well.address) { model in
            model.upstreams[0].healthCheck = check
            model.upstreams[0].panicThreshold = 0
        }
        let lines = Lines()
        try GatewayKit.run(model, lines: lines) { gateway in
            try GatewayKit.eventually("both were checked") { lines.all.count >= 2 }
            try GatewayKit.eventually("the loops know") { try gateway.get("/x").status == 200 }
            for _ in 0..<20 { #expect(try gateway.get("/x").text == "/x") }
            #expect(lines.all.contains("upstream origin: \(ill.address.text) is unhealthy (unexpected answer)"))
            #expect(lines.all.contains("upstream origin: \(well.address.text) is healthy"))
        }
    }

    @Test("five failures in a row are five failures, whichever loops saw them")
    func outliers() throws {
        let ill = try RespondingOrigin { _, peer in
            try peer.send(Wire.status(500))
            return true
        }
        defer { ill.stop() }
        let model = GatewayModel.forwarding(to: ill.address) { model in
            model.upstreams[0].outlier = OutlierModel()
            model.upstreams[0].panicThreshold = 0
        }
        try GatewayKit.run(model, workers: 3) { gateway in
            for _ in 0..<5 { #expect(try gateway.get().status == 500) }
            try GatewayKit.eventually("the endpoint is out") { try gateway.get().status == 503 }
            #expect(ill.requestCount < 50)
        }
    }
}
