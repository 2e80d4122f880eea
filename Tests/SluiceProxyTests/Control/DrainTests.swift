import NIOCore
import SluiceConfig
import SluiceProxy
import SluiceTesting
import SluiceUpstream
import Synchronization
import Testing

/// The worker stops: nothing that was begun is lost, and everybody learns in time.
@Suite struct DrainTests {
    /// Drains all workers; the flag says when the last has nothing left.
    private func drain(_ gateway: TestGateway) throws -> @Sendable () -> Bool {
        let done = Counter()
        try gateway.onLoops { worker in worker.drain { done.add() } }
        let loops = try gateway.onLoops { _ in 1 }.count
        return { done.value == loops }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add() { count.withLock { $0 += 1 } }
    }

    @Test func idleConnectionsEndAtOnceAndBusyOnesWithTheirAnswer() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let idle = try gateway.connect(name: "idle")
            let busy = try gateway.connect(name: "busy")
            try busy.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.wait(for: "the connections") { gateway.connectionCount == 2 }
            let isDone = try drain(gateway)
            try idle.expectEnd()
            idle.close()
            try gateway.settle()
            #expect(!isDone())
            try upstream.send(Wire.ok("last"))
            let response = try busy.readResponse()
            #expect(response.text == "last" && response["Connection"] == "close")
            try busy.expectEnd()
            busy.close()
            try gateway.wait(for: "the drain") { isDone() }
        }
    }

    @Test func workerWithoutConnectionsIsDoneAtOnce() throws {
        try TestGateway.run(.routing(), loops: 2) { gateway in
            #expect(try drain(gateway)())
            try gateway.settle()
        }
    }

    @Test func requestWhoseHeadIsStillComingIsServed() throws {
        try TestGateway.run(.routing(.respond("r", .any) { $0.body = "x" })) { gateway in
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.1\r\nHo")
            try gateway.wait(for: "the connection") { gateway.connectionCount == 1 }
            try gateway.settle()
            _ = try drain(gateway)
            try client.send("st: a\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.text == "x" && response["Connection"] == "close")
            try client.expectEnd()
        }
    }

    @Test func answerThatStreamsIsNotCut() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get())
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try upstream.send(Wire.message("HTTP/1.1 200 OK", ["Content-Length: 10"]) + "12345")
            _ = try client.readHead()
            let isDone = try drain(gateway)
            try upstream.send("67890")
            #expect(try client.readText(10) == "1234567890")
            try client.expectEnd()
            client.close()
            try gateway.wait(for: "the drain") { isDone() }
        }
    }

    @Test func requestsPipelinedBehindTheLastAnswerAreNotServed() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let client = try gateway.connect()
            try client.send(Wire.get("/1") + Wire.get("/2"))
            let upstream = try origin.accept()
            _ = try upstream.readRequest()
            try gateway.settle()
            _ = try drain(gateway)
            try upstream.send(Wire.ok())
            #expect(try client.readResponse()["Connection"] == "close")
            try client.expectEnd()
            // The client was told which request was the last, so it can send the other one elsewhere.
            #expect(try upstream.peek().isEmpty && origin.isSilent)
        }
    }

    @Test func whatDoesNotEndInTimeIsCut() throws {
        let origin = try ScriptedOrigin()
        try TestGateway.run(.forwarding(to: origin.address)) { gateway in
            let (client, upstream) = try TunnelTests.open(gateway, origin)
            let isDone = try drain(gateway)
            try client.send("x")
            #expect(try upstream.readText(1) == "x")
            try gateway.onLoops { $0.abortAll() }
            try client.expectGone()
            try upstream.expectGone()
            try gateway.wait(for: "the drain") { isDone() }
        }
    }
}
