import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Synchronization
import Testing

/// An endpoint that cannot be reached: the log says which, the metrics why.
@Suite struct ConnectFailureTests {
    private final class Log: LogSink {
        private let state = Mutex("")
        var text: String { state.withLock { $0 } }
        func take(_ bytes: ContiguousArray<UInt8>, lines: Int) {
            state.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        }
        func lost(lines: Int) {}
    }

    @Test("the access log names the endpoint of the last try, and of a request without one names none")
    func endpointIsNamed() throws {
        let folder = try TemporaryFolder()
        let log = Log()
        var model = GatewayModel.forwarding(to: .unix(path: folder.path("one")), .unix(path: folder.path("two"))) {
            var retry = RetryModel()
            retry.on = [.connectFailure]
            retry.attempts = 1
            $0.routes[0].forwarding.retry = retry
        }
        var lines = AccessLogModel()
        lines.format = try LogSyntax.parse("%RESPONSE_CODE% %UPSTREAM_HOST%").get()
        model.telemetry.accessLog = lines
        model.routes.insert(.respond("own", .exact("/own")) { $0.status = 204 }, at: 0)
        try TestGateway.run(model, services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            for target in ["/", "/own", "/"] {
                try client.send(Wire.get(target))
                _ = try client.readResponse()
            }
            try gateway.onLoops { $0.flush() }
            let failures = try gateway.onLoops {
                $0.metrics.shard.counter(ConnectMetrics.failures, ["origin", "missing"]).current
            }
            #expect(failures == [4])
        }
        let text = log.text.split(separator: "\n")
        #expect(text.count == 3 && text[1] == "204 -")
        for line in [text.first, text.last] {
            #expect(["one", "two"].map { "503 unix:\(folder.path($0))" }.contains(line.map(String.init)), "\(text)")
        }
    }
}
