import Glibc
import SluiceConfig
import SluiceControl
import SluiceTesting
import Testing

/// What `/metrics` says after things have happened.
@Suite struct MetricsTests {
    @Test("requests are counted by route, upstream, status and reason")
    func requests() throws {
        let origin = try RespondingOrigin { request, peer in
            try peer.send(request.target == "/bad" ? Wire.status(500) : Wire.ok("12345"))
            return true
        }
        defer { origin.stop() }
        try AdminKit.run(AdminKit.model(.forwarding(to: origin.address))) { gateway in
            for _ in 0..<3 { #expect(try gateway.get("/good").status == 200) }
            #expect(try gateway.get("/bad").status == 500)
            let route = "route=\"\(gateway.routeName)\""
            try GatewayKit.eventually("all have ended") { try gateway.metric("sluice_requests_active") == "0" }
            let lines = try gateway.metrics()
            func has(_ line: String) { #expect(lines.contains(line), "\(line)") }
            has("sluice_requests_total{\(route),upstream=\"origin\",status=\"2xx\",reason=\"-\"} 3")
            has("sluice_requests_total{\(route),upstream=\"origin\",status=\"5xx\",reason=\"-\"} 1")
            has("sluice_request_duration_seconds_count{\(route)} 4")
            has("sluice_request_duration_seconds_bucket{\(route),le=\"+Inf\"} 4")
            has("sluice_response_body_bytes_total{\(route)} 15")
            has("sluice_upstream_attempts_total{upstream=\"origin\",result=\"2xx\"} 3")
            has("sluice_upstream_attempts_total{upstream=\"origin\",result=\"5xx\"} 1")
            has("sluice_downstream_requests_total 4")
            has("sluice_listener_accepted_total{listener=\"main\"} 4")
            has("sluice_upstream_limit{upstream=\"origin\",kind=\"pending\"} 1024")
            has("sluice_upstream_breaker_open{upstream=\"origin\",kind=\"pending\"} 0")
            has("sluice_endpoint_healthy{upstream=\"origin\",endpoint=\"\(origin.address.text)\"} 1")
            has("sluice_config_generation 1")
        }
    }

    @Test("calls of gRPC are counted by the service and method of their route, and never by what clients make up")
    func calls() throws {
        let origin = try RespondingOrigin { request, peer in
            let status = request.target.hasSuffix("/Bad") ? 5 : 0
            try peer.send(Wire.status(200, "Content-Type: application/grpc", "grpc-status: \(status)"))
            return true
        }
        defer { origin.stop() }
        var model = AdminKit.model(.forwarding(to: origin.address))
        let all = model.routes[0]
        let isCall = FieldMatch(name: "content-type", value: .prefix("application/grpc"))
        for (name, path) in [
            ("get", PathMatch.exact("/a.B/Get")), ("b", .prefix("/a.B")), ("json", .exact("/c.D/Get")),
        ] {
            var route = all
            route.name = name
            route.match.path = path
            if name != "json" { route.match.headers = [isCall] }
            model.routes.insert(route, at: model.routes.count - 1)
        }
        try AdminKit.run(model) { gateway in
            let peer = try gateway.connect()
            for target in ["/a.B/Get", "/a.B/Get", "/a.B/Bad", "/c.D/Get", "/x.Y/Bad"] {
                try peer.send(Wire.post(target, body: "x", "Content-Type: application/grpc"))
                _ = try peer.readResponse()
            }
            try peer.send(Wire.post("/a.B/Get", body: "x", "Content-Type: application/json"))
            _ = try peer.readResponse()
            try GatewayKit.eventually("all have ended") { try gateway.metric("sluice_requests_active") == "0" }
            let family = "sluice_grpc_requests_total"
            let counted = try gateway.metrics().filter { $0.hasPrefix(family + "{") }.sorted()
            #expect(
                counted == [
                    "\(family){route=\"\(all.name)\",service=\"-\",method=\"-\",status=\"NOT_FOUND\"} 1",
                    "\(family){route=\"b\",service=\"a.B\",method=\"-\",status=\"NOT_FOUND\"} 1",
                    "\(family){route=\"get\",service=\"a.B\",method=\"Get\",status=\"OK\"} 2",
                    "\(family){route=\"json\",service=\"-\",method=\"-\",status=\"OK\"} 1",
                ]
            )
        }
    }

    @Test("calls that the gateway makes of requests are counted by the method of the descriptors")
    func translatedCalls() throws {
        let origin = try ScriptedOrigin()
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        let bytes = try ConfigFiles.read(parts.joined(separator: "/") + "/examples/library.pb")
        var model = GatewayModel.forwarding(to: origin.address)
        model.upstreams[0].version = .http2
        model.filters = try FilterText.models("grpc_json: {descriptor: library.pb}", bytes: ["library.pb": bytes])
        try AdminKit.run(AdminKit.model(model)) { gateway in
            let client = try gateway.connect()
            var upstream: HTTP2Peer?
            for (i, status) in [0, 0, 5].enumerated() {
                try client.send(Wire.get("/v1/shelves/1/books/2"))
                let peer = try upstream ?? HTTP2Peer(serving: try origin.accept())
                upstream = peer
                let request = try peer.request()
                let fields = [("content-type", "application/grpc")]
                let body = String(decoding: [0, 0, 0, 0, 0] as [UInt8], as: UTF8.self)
                let end = [("grpc-status", "\(status)")]
                try peer.respond(to: request.stream, 200, fields, body: body, trailers: end)
                #expect(try client.readResponse().status == (i < 2 ? 200 : 404))
            }
            // What nobody can call is no call.
            #expect(try gateway.get("/v1/made/up").status == 404)
            try GatewayKit.eventually("all have ended") { try gateway.metric("sluice_requests_active") == "0" }
            let family = "sluice_grpc_requests_total"
            let labels = "route=\"all\",service=\"library.v1.Library\",method=\"GetBook\",status="
            #expect(
                try gateway.metrics().filter { $0.hasPrefix(family + "{") }.sorted() == [
                    "\(family){\(labels)\"NOT_FOUND\"} 1", "\(family){\(labels)\"OK\"} 2",
                ]
            )
        }
    }

    @Test("what fails is counted under its reason, and what has no route under none")
    func failures() throws {
        var model = AdminKit.model(.forwarding())
        model.routes[0].match.path = .prefix("/only")
        try AdminKit.run(model) { gateway in
            #expect(try gateway.get("/only").status == 503)
            #expect(try gateway.get("/else").status == 404)
            try GatewayKit.eventually("both are counted") {
                try gateway.metric(
                    "sluice_requests_total{route=\"-\",upstream=\"-\",status=\"4xx\",reason=\"no_route\"}"
                ) == "1"
            }
            let lines = try gateway.metrics()
            #expect(
                lines.contains { $0.hasPrefix("sluice_upstream_attempts_total") && $0.contains("no_healthy_upstream") }
            )
        }
    }

    @Test("reused connections are told from new ones, loops are summed")
    func connections() throws {
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try AdminKit.run(AdminKit.model(.forwarding(to: origin.address))) { gateway in
            let peer = try gateway.connect()
            for _ in 0..<5 { #expect(try peer.get("/x").status == 200) }
            #expect(try gateway.metric("sluice_upstream_connections_opened_total{upstream=\"origin\"}") == "1")
            #expect(try gateway.metric("sluice_upstream_connections_reused_total{upstream=\"origin\"}") == "4")
            #expect(try gateway.metric("sluice_upstream_connections{upstream=\"origin\"}") == "1")
            #expect(try gateway.metric("sluice_downstream_connections{listener=\"main\"}") == "1")
        }
    }

    @Test("a reload keeps what was counted, and counts itself")
    func reload() throws {
        let model = AdminKit.model(.routing(.respond("all", .prefix("/")) { $0.body = "ok" }))
        let series = "sluice_requests_total{route=\"all\",upstream=\"-\",status=\"2xx\",reason=\"-\"}"
        try AdminKit.run(model) { gateway in
            for round in 1...3 {
                #expect(try gateway.get("/x").text == "ok")
                try GatewayKit.eventually("it is counted") { try gateway.metric(series) == "\(round)" }
                try gateway.reload(model)
            }
            #expect(try gateway.metric("sluice_config_reloads_total{result=\"ok\"}") == "3")
            #expect(try gateway.metric("sluice_config_reloads_total{result=\"failed\"}") == "0")
            gateway.reloadFailed()
            #expect(try gateway.metric("sluice_config_reloads_total{result=\"failed\"}") == "1")
            #expect(try gateway.metric("sluice_config_last_reload_failed") == "1")
        }
    }

    @Test("lines of the access log are counted over reloads that open another file, lost ones apart")
    func accessLog() throws {
        let folder = try TemporaryFolder()
        func model(_ path: String) -> GatewayModel {
            var model = AdminKit.model(.routing(.respond("all", .prefix("/")) { $0.body = "ok" }))
            var log = AccessLogModel()
            log.target = .file(path)
            model.telemetry.accessLog = log
            return model
        }
        let written = "sluice_access_log_lines_total{result=\"written\"}"
        let lost = "sluice_access_log_lines_total{result=\"lost\"}"
        try AdminKit.run(model(folder.path("a.log"))) { gateway in
            #expect(try gateway.metric(written) == "0")
            _ = try gateway.get("/x")
            _ = try gateway.get("/y")
            // What waits is written when another configuration takes over.
            try gateway.reload(model(folder.path("b.log")))
            try GatewayKit.eventually("both are written") { try gateway.metric(written) == "2" }
            _ = try gateway.get("/z")
            try gateway.reload(model("/dev/full"))
            try GatewayKit.eventually("the third, too") { try gateway.metric(written) == "3" }
            _ = try gateway.get("/lost")
            try gateway.reload(model(folder.path("b.log")))
            try GatewayKit.eventually("the fourth is lost") { try gateway.metric(lost) == "1" }
            #expect(try gateway.metric(written) == "3")
            #expect(try gateway.metric("sluice_access_log_waiting_bytes") == "0")
        }
    }

    @Test("an access log on a pipe whose reader has stopped holds up nothing, and shows")
    func stuckAccessLog() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("pipe")
        mkfifo(path, 0o600)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let writer = open(path, O_WRONLY | O_NONBLOCK)
        defer { close(writer) }
        let block = [UInt8](repeating: 0, count: 4096)
        while write(writer, block, block.count) > 0 {}
        var model = AdminKit.model(.routing(.respond("all", .prefix("/")) { $0.body = "ok" }))
        var log = AccessLogModel()
        log.target = .file(path)
        model.telemetry.accessLog = log
        try AdminKit.run(model) { gateway in
            _ = try gateway.get("/x")
            try GatewayKit.eventually("it shows") { try gateway.metric("sluice_access_log_stalled_seconds") != "0" }
            #expect(try gateway.metric("sluice_access_log_waiting_bytes") != "0")
            log.target = .file(folder.path("file"))
            model.telemetry.accessLog = log
            try gateway.reload(model)
            _ = try gateway.get("/y")
            let written = "sluice_access_log_lines_total{result=\"written\"}"
            try GatewayKit.eventually("the other log is written") { try gateway.metric(written) == "1" }
            // The old log has no users any more, and waits no longer than a moment.
            let lost = "sluice_access_log_lines_total{result=\"lost\"}"
            try GatewayKit.eventually("the old one gives up") { try gateway.metric(lost) == "1" }
            #expect(try gateway.metric("sluice_access_log_stalled_seconds") == "0")
        }
    }

    @Test("a listener shows how many connections it may have, after a reload another number")
    func connectionLimit() throws {
        var model = AdminKit.model(.routing())
        model.listeners[0].limits.connections = 7
        try AdminKit.run(model) { gateway in
            let series = "sluice_listener_connections_limit{listener=\"main\"}"
            #expect(try gateway.metric(series) == "7")
            model.listeners[0].limits.connections = 9
            try gateway.reload(model)
            #expect(try gateway.metric(series) == "9")
        }
    }

    @Test("what the process uses is there")
    func process() throws {
        try AdminKit.run(AdminKit.model(.routing())) { gateway in
            for name in [
                "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
                "process_open_fds", "process_max_fds", "process_start_time_seconds",
            ] {
                let value = try gateway.metric(name).flatMap { Double($0) }
                #expect(value ?? 0 > 0, "\(name)")
            }
        }
    }

    @Test("the format is the one that the scraper asks for")
    func formats() throws {
        try AdminKit.run(AdminKit.model(.routing())) { gateway in
            let plain = try gateway.ask("/metrics")
            #expect(plain["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(!plain.text.contains("# EOF"))
            let open = try gateway.ask("GET", "/metrics", host: "[::1]", "Accept: application/openmetrics-text")
            #expect(open["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
            #expect(open.text.hasSuffix("# EOF\n"))
        }
    }

    @Test("2,500 upstreams: a slow reader of megabytes holds nobody up")
    func many() throws {
        var model = AdminKit.model(.routing(.respond("all", .prefix("/")) { $0.body = "ok" }))
        model.upstreams = (0..<2500).map { .upstream("upstream number \($0)", [.ip(host: "127.0.0.1", port: 1)]) }
        try AdminKit.run(model) { gateway in
            let slow = try gateway.connect(AdminModel.listenerName)
            try slow.send(Wire.message("GET /metrics HTTP/1.1", ["Host: 127.0.0.1"]))
            let head = try slow.readHead()
            let count = try #require(head["Content-Length"].flatMap { Int($0) })
            #expect(count > 2_000_000)
            // While it does not read on, others are served.
            #expect(try gateway.ask("/live").status == 200)
            #expect(try gateway.ask("/metrics").body.count > 2_000_000)
            #expect(try gateway.get("/x").text == "ok")
            #expect(try slow.read(count).count == count)
        }
    }
}

extension Gateway {
    /// What `GatewayModel.forwarding` calls its route.
    fileprivate var routeName: String { GatewayModel.forwarding().routes[0].name }
}
