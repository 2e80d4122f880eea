import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceProxy
import SluiceTesting
import Synchronization
import Testing

/// What the access log says about how calls ended.
@Suite struct GRPCRecordTests {
    private final class Lines: LogSink {
        private let state = Mutex("")
        func take(_ bytes: ContiguousArray<UInt8>, lines: Int) {
            state.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        }
        func lost(lines: Int) {}
        var text: String { state.withLock { $0 } }
    }

    /// The line of one call, which the origin answers with this.
    private func line(
        _ answer: String?,
        type: String = "application/grpc",
        change: (inout GatewayModel) -> Void = { _ in }
    ) throws -> String {
        let log = Lines()
        let origin = try ScriptedOrigin()
        var access = AccessLogModel()
        access.format = try LogSyntax.parse(
            "%GRPC_STATUS% %GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%"
        ).get()
        var model = GatewayModel.forwarding(to: origin.address) { $0.telemetry.accessLog = access }
        change(&model)
        try TestGateway.run(model, services: .init(log: log)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/a.B/C", body: "x", "Content-Type: \(type)", "TE: trailers"))
            if let answer {
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(answer)
                if answer.hasSuffix("cut") { upstream.reset() } else { _ = try client.readResponse() }
            } else {
                _ = try client.readResponse()
            }
            try gateway.wait(for: "the line") {
                try gateway.onLoops { $0.flush() }
                return !log.text.isEmpty
            }
        }
        return log.text
    }

    private static let grpc = "Content-Type: application/grpc"

    @Test("from the trailers, or from a head that stands for them")
    func statuses() throws {
        let head = Wire.message("HTTP/1.1 200 OK", [Self.grpc, "Transfer-Encoding: chunked"])
        let streamed = head + Wire.chunked("message", trailers: ["grpc-status: 4"])
        #expect(try line(streamed) == "DeadlineExceeded DeadlineExceeded DEADLINE_EXCEEDED 4 4\n")
        #expect(try line(Wire.status(200, Self.grpc, "grpc-status: 0")) == "OK OK OK 0 0\n")
        let both = Wire.message("HTTP/1.1 200 OK", [Self.grpc, "Transfer-Encoding: chunked", "grpc-status: 0"])
        #expect(
            try line(both + Wire.chunked("m", trailers: ["grpc-status: 13"])) == "Internal Internal INTERNAL 13 13\n"
        )
    }

    @Test("or by what the gateway knows")
    func inferred() throws {
        #expect(try line(Wire.status(503)) == "Unavailable Unavailable UNAVAILABLE 14 14\n")
        #expect(try line(Wire.ok("no gRPC")) == "Unknown Unknown UNKNOWN 2 2\n")
        let notFound = try line(nil) { $0.routes[0].match.path = .exact("/else") }
        #expect(notFound == "Unimplemented Unimplemented UNIMPLEMENTED 12 12\n")
        let head = Wire.message("HTTP/1.1 200 OK", [Self.grpc, "Content-Length: 100"])
        #expect(try line(head + "cut") == "Unavailable Unavailable UNAVAILABLE 14 14\n")
    }

    @Test("other requests have none")
    func others() throws {
        let answer = Wire.status(200, "grpc-status: 5")
        #expect(try line(answer, type: "application/json") == "- - - - -\n")
    }
}
