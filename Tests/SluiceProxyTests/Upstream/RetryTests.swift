import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Testing

/// Further attempts: when, how many, where, with what.
@Suite struct RetryTests {
    static func model(
        _ origins: ListenAddress...,
        on conditions: RetryModel.Condition...,
        change: (inout RetryModel) -> Void = { _ in }
    ) -> GatewayModel {
        var model = GatewayModel.routing(.forward("r", to: "origin"))
        model.upstreams = [.upstream("origin", origins)]
        var retry = RetryModel()
        retry.on = Set(conditions)
        retry.backoffBase = .milliseconds(1)
        change(&retry)
        model.routes[0].forwarding.retry = retry
        return model
    }

    // MARK: - Conditions

    @Test(
        arguments: [
            (RetryModel.Condition.serverError, 500, true), (.serverError, 503, true), (.serverError, 404, false),
            (.gatewayError, 502, true), (.gatewayError, 500, false), (.retriableStatusCodes, 409, true),
            (.retriableStatusCodes, 503, false), (.reset, 503, false), (.connectFailure, 503, false),
        ] as [(RetryModel.Condition, Int, Bool)]
    )
    func statusThatIsTriedAgain(condition: RetryModel.Condition, status: Int, isRetried: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: condition) { $0.statusCodes = [409] }) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: "body"))
            let first = try origin.accept()
            _ = try first.readRequest()
            try first.send(Wire.status(status, "X-From: first"))
            if isRetried {
                let second = try origin.accept()
                #expect(try second.readRequest().text == "body")
                try second.send(Wire.ok("second"))
                #expect(try client.readResponse().text == "second")
            } else {
                #expect(try client.readResponse().status == status)
            }
            #expect(gateway.total(\.retries) == (isRetried ? 1 : 0))
        }
    }

    @Test(arguments: [(RetryModel.Condition.reset, true), (.serverError, true), (.connectFailure, false)])
    func connectionThatDiesWithoutAnAnswer(condition: RetryModel.Condition, isRetried: Bool) throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: condition)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let first = try origin.accept()
            _ = try first.readRequest()
            first.reset()
            if isRetried {
                let second = try origin.accept()
                _ = try second.readRequest()
                try second.send(Wire.ok())
            }
            #expect(try client.readResponse().status == (isRetried ? 200 : 502))
        }
    }

    @Test func endpointThatRefusesIsLeftOutOfTheNextAttempt() throws {
        let closed = try ClosedPort()
        let origin = try RespondingOrigin()
        defer { origin.stop() }
        try TestGateway.run(Self.model(closed.address, origin.address, on: .connectFailure)) { gateway in
            for _ in 0..<6 { #expect(try gateway.answer(to: Wire.get("/x")).text == "/x") }
            try gateway.settle()
            // Round robin met the closed one every other time.
            #expect(gateway.total(\.retries) >= 2)
        }
    }

    @Test func refusedConnectionIsA503WithoutRetries() throws {
        let closed = try ClosedPort()
        try TestGateway.run(.forwarding(to: closed.address)) { gateway in
            let response = try gateway.answer(to: Wire.get())
            #expect(response.status == 503 && response.text.contains("connect_failed"))
        }
    }

    @Test func perTryTimeoutEndsOneAttemptAndNotTheRequest() throws {
        let origin = try ScriptedOrigin()
        let model = Self.model(origin.address, on: .reset) { $0.perTryTimeout = .seconds(1) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let first = try origin.accept()
            _ = try first.readRequest()
            try gateway.advance(by: .milliseconds(1200))
            try first.expectGone()
            let second = try origin.accept()
            _ = try second.readRequest()
            try second.send(Wire.ok("second"))
            #expect(try client.readResponse().text == "second")
        }
    }

    @Test func lastPerTryTimeoutIsA504() throws {
        let origin = try ScriptedOrigin()
        let model = Self.model(origin.address, on: .reset) { $0.perTryTimeout = .seconds(1) }
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            for _ in 0..<2 {
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try gateway.advance(by: .milliseconds(1200))
                try upstream.expectGone()
            }
            let response = try client.readResponse()
            #expect(response.status == 504 && response.text.contains("per_try_timeout"))
        }
    }

    // MARK: - How often

    @Test func lastAnswerIsPassedOnWhenAttemptsRunOut() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: .serverError) { $0.attempts = 3 }) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            for i in 0..<4 {
                let upstream = try origin.accept()
                _ = try upstream.readRequest()
                try upstream.send(Wire.status(503, "X-Attempt: \(i)"))
            }
            let response = try client.readResponse()
            #expect(response.status == 503 && response["X-Attempt"] == "3")
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test func routeTimeoutEndsAllAttempts() throws {
        let origin = try ScriptedOrigin()
        var model = Self.model(origin.address, on: .reset) {
            $0.attempts = 10
            $0.perTryTimeout = .seconds(2)
        }
        model.routes[0].timeout = .seconds(3)
        try TestGateway.run(model, clock: ManualClock()) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let first = try origin.accept()
            _ = try first.readRequest()
            try gateway.advance(by: .milliseconds(2200))
            let second = try origin.accept()
            _ = try second.readRequest()
            try gateway.advance(by: .seconds(1))
            let response = try client.readResponse()
            #expect(response.status == 504 && response.text.contains("route_timeout"))
            try second.expectGone()
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test func nothingIsTriedAgainOnceTheAnswerHasBegun() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: .reset, .serverError)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 10"]) + "12345")
            _ = try client.readHead()
            #expect(try client.readText(5) == "12345")
            upstream.reset()
            try client.expectGone()
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    // MARK: - Bodies

    @Test func bodyThatIsStillComingIsSentAgainFromItsBeginning() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: .reset)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("PUT / HTTP/1.1", ["Host: a", "Transfer-Encoding: chunked"]) + "3\r\nabc\r\n")
            let first = try origin.accept()
            _ = try first.readHead()
            #expect(try first.readText(8) == "3\r\nabc\r\n")
            first.reset()
            let second = try origin.accept()
            _ = try second.readHead()
            #expect(try second.readText(8) == "3\r\nabc\r\n")
            try client.send("3\r\ndef\r\n0\r\n\r\n")
            #expect(try second.readText(13) == "3\r\ndef\r\n0\r\n\r\n")
            try second.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }

    @Test func bodyThatWasTooLargeToKeepIsNotSentAgain() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: .reset, .serverError)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.post(body: String(repeating: "b", count: 200_000)))
            let upstream = try origin.accept()
            #expect(try upstream.readRequest().body.count == 200_000)
            try upstream.send(Wire.status(503))
            #expect(try client.readResponse().status == 503)
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test func bodyUpToTheConfiguredSizeIsKept() throws {
        let origin = try ScriptedOrigin()
        let model = Self.model(origin.address, on: .serverError) { $0.bufferBytes = 300_000 }
        try TestGateway.run(model) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.message("POST / HTTP/1.1", ["Host: a", "Content-Length: 250000"]))
            let sender = Background { [client = Handover(client)] in try client.value.sendPattern(250_000) }
            for status in [503, 200] {
                let upstream = try origin.accept()
                _ = try upstream.readHead()
                try upstream.readPattern(250_000)
                try sender.value()
                try upstream.send(Wire.status(status))
            }
            #expect(try client.readResponse().status == 200)
        }
    }

    // MARK: - Retry-After

    @Test func upstreamThatAsksForLongPatienceIsPassedOn() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: .serverError)) { gateway in
            let seen = try gateway.exchange(Wire.get(), with: origin, answer: Wire.status(503, "Retry-After: 3600"))
            #expect(seen.response.status == 503 && seen.response["Retry-After"] == "3600")
            try gateway.settle()
            #expect(origin.isSilent)
        }
    }

    @Test func shortPatienceIsGranted() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(Self.model(origin.address, on: .serverError)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let first = try origin.accept()
            _ = try first.readRequest()
            let before = SystemClock.monotonic()
            try first.send(Wire.status(503, "Retry-After: 1"))
            let second = try origin.accept()
            #expect(SystemClock.monotonic() - before >= .seconds(1))
            _ = try second.readRequest()
            try second.send(Wire.ok())
            #expect(try client.readResponse().status == 200)
        }
    }
}
