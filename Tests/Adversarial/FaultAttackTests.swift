import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters
import SluiceTesting
import Testing

/// Requests that are held on purpose, and what may happen to them meanwhile.
@Suite("Attacks on fault") struct FaultAttackTests {
    private func model(_ origin: ScriptedOrigin, _ settings: String) throws -> GatewayModel {
        let filters = try FilterText.models("fault: \(settings)")
        return .forwarding(to: origin.address) { $0.filters = filters }
    }

    @Test("an abort is told apart from a failure, and nothing goes upstream")
    func abort() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{abort: {status: 502}}")) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "GET /smuggled HTTP/1.1\r\n\r\n") + Wire.get())
            for _ in 0..<2 {
                let answer = try client.readResponse()
                #expect(answer.status == 502 && answer.text.contains("fault_injected"))
            }
            try gateway.wait(for: "the counts") { gateway.count(of: .faultInjected) == 2 }
            #expect(origin.isSilent)
        }
    }

    @Test("a delayed request goes on after its time, with the body that came meanwhile, and those behind it wait too")
    func delay() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{delay: {time: 9s}}"), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post("/first", body: "body") + Wire.get("/second"))
            try gateway.advance(by: .milliseconds(8950))
            #expect(try origin.isSilent && client.isSilent)
            try gateway.advance(by: .milliseconds(150))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().text == "body")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
            try gateway.settle()
            #expect(try upstream.isSilent)
            try gateway.advance(by: .milliseconds(9150))
            #expect(try upstream.readRequest().target == "/second")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test("clients that leave while they are held free their places, and whoever comes next is not woken for them")
    func leaving() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{delay: {time: 5s}, max_delayed: 2}"), clock: ManualClock()) { gateway in
            for _ in 0..<10 {
                let gone = [try gateway.connect(), try gateway.connect()]
                for client in gone { try client.send(Wire.get("/gone")) }
                try gateway.settle()
                for client in gone { client.reset() }
                try gateway.wait(for: "the end") { gateway.connectionCount == 0 }
            }
            let held = [try gateway.connect(), try gateway.connect()]
            for client in held { try client.send(Wire.get("/held")) }
            try gateway.settle()
            #expect(origin.isSilent)
            // The third finds all places taken and is not held.
            #expect(try gateway.exchange(Wire.get("/third"), with: origin).request.target == "/third")
            try gateway.advance(by: .seconds(6))
            for _ in held {
                let upstream = try origin.accept()
                #expect(try upstream.readRequest().target == "/held")
                try upstream.send(Wire.ok("ok", "Connection: close"))
            }
            for client in held { #expect(try client.readResponse().status == 200) }
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test("a client that ends its direction while it is held gets its answer")
    func halfClosed() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(try model(origin, "{delay: {time: 1s}}"), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            client.endOutput()
            try gateway.advance(by: .seconds(2))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.ok("answer"))
            #expect(String(decoding: try client.readToEnd(), as: UTF8.self).hasSuffix("answer"))
        }
    }

    @Test("a reload while requests are held leaves them their delay")
    func reload() throws {
        let origin = try ScriptedOrigin()
        let model = try model(origin, "{delay: {time: 5s}, max_delayed: 1}")
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/held"))
            try gateway.settle()
            try gateway.reload(model)
            // The place is taken for the new configuration as well.
            #expect(try gateway.exchange(Wire.get("/second"), with: origin).request.target == "/second")
            var without = model
            without.filters = []
            try gateway.reload(without)
            try gateway.settle()
            #expect(try client.isSilent)
            try gateway.advance(by: .seconds(6))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().target == "/held")
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test("headers that ask for faults do nothing unless the file lets them, and end here if it does")
    func headers() throws {
        let origin = try ScriptedOrigin()
        let asks = Wire.get("/", "X-Fault-Delay: 1s", "X-Fault-Abort: 500")
        try TestGateway.run(try model(origin, "{abort: {status: 503, percent: 0%}}")) { gateway in
            let seen = try gateway.exchange(asks, with: origin).request
            #expect(seen["x-fault-abort"] == "500")
        }
        try TestGateway.run(try model(origin, "{from_headers: true}"), clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(asks + Wire.get("/", "X-Fault-Delay: 1s", "X-Fault-Abort: nonsense"))
            try gateway.advance(by: .seconds(2))
            #expect(try client.readResponse().status == 500)
            try gateway.advance(by: .seconds(2))
            let upstream = try origin.accept()
            let seen = try upstream.readRequest()
            #expect(seen["x-fault-delay"] == nil && seen["x-fault-abort"] == nil)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }
}
