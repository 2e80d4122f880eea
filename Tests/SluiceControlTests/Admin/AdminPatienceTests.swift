import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceTesting
import Synchronization
import Testing

@testable import SluiceControl

/// Slow answers while the thread that makes them is busy; the clock stands until the test moves it.
@Suite struct AdminPatienceTests {
    private final class Counted: Sendable {
        private let number = Mutex(0)
        var count: Int { number.withLock { $0 } }
        func increment() { number.withLock { $0 += 1 } }
    }

    /// Keeps a thread busy until it is let go.
    private struct Busy {
        let queue: ControlQueue
        private let isFree = Mailbox<Void>()

        init(_ name: String) throws { queue = try ControlQueue(name: name) }

        func begin() { queue.async { [isFree] in isFree.take() } }
        func end() throws {
            isFree.post(())
            try queue.sync {}
        }
    }

    private let registry = MetricsRegistry()
    /// How many there were.
    private let reloads = Counted()
    private let scrapes = Counted()

    init() {
        registry.provide { [scrapes] samples in
            scrapes.increment()
            samples.add(MetricFamily("scrapes_total", .counter, help: "Scrapes."), [], scrapes.count)
        }
    }

    private func run(
        reading: ControlQueue,
        reloading: ControlQueue,
        _ body: (TestGateway) throws -> Void
    ) throws {
        let access = AdminAccessBox()
        access.model = AdminModel(address: .ip(host: "127.0.0.1", port: 0), place: .builtIn)
        var orders = AdminOrders()
        orders.reload = { [reloads] in
            reloads.increment()
            return ReloadAnswer(isDone: true, message: "reload \(reloads.count)")
        }
        let api = AdminAPI(
            access: access,
            view: AdminView(facts: GatewayFacts(), metrics: registry, upstreams: { [] }),
            orders: orders,
            reading: AdminDesk(reading),
            reloading: AdminBatch(reloading)
        )
        try TestGateway.run(
            .routing(),
            clock: ManualClock(),
            services: TestGateway.Services(builtIn: api),
            body
        )
    }

    private func ask(_ peer: RawPeer, _ line: String) throws {
        try peer.send(Wire.message("\(line) HTTP/1.1", ["Host: 127.0.0.1"]))
    }

    @Test(
        "what takes longer than a minute is refused with 503, and the rest goes on",
        arguments: ["/metrics", "/config"]
    )
    func late(_ path: String) throws {
        let (reader, reloader) = (try Busy("reading"), try Busy("reloading"))
        try run(reading: reader.queue, reloading: reloader.queue) { gateway in
            reader.begin()
            let slow = try gateway.connect()
            try ask(slow, "GET \(path)")
            try gateway.advance(by: .seconds(59))
            let other = try gateway.connect(name: "other")
            try ask(other, "GET /live")
            #expect(try other.readResponse().status == 200)
            #expect(try slow.isSilent)
            try gateway.advance(by: .seconds(2))
            let late = try slow.readResponse()
            #expect(late.status == 503)
            #expect(late.text.contains("\"gateway_exhausted\""))
            // The answer that comes after all is nobody's.
            try reader.end()
            try gateway.settle()
            try ask(slow, "GET /metrics")
            #expect(try slow.readResponse().text.hasSuffix("scrapes_total 1\n"))
        }
    }

    @Test("a reload that takes long holds no scrape up")
    func slowReload() throws {
        let (reader, reloader) = (try Busy("reading"), try Busy("reloading"))
        try run(reading: reader.queue, reloading: reloader.queue) { gateway in
            reloader.begin()
            let slow = try gateway.connect()
            try ask(slow, "POST /reload")
            let other = try gateway.connect(name: "other")
            try ask(other, "GET /metrics")
            #expect(try other.readResponse().status == 200)
            try gateway.advance(by: .seconds(61))
            #expect(try slow.readResponse().status == 503)
            try reloader.end()
        }
    }

    @Test("clients that ask and leave cost nothing when their turn comes")
    func gone() throws {
        let (reader, reloader) = (try Busy("reading"), try Busy("reloading"))
        try run(reading: reader.queue, reloading: reloader.queue) { gateway in
            reader.begin()
            for _ in 0..<20 {
                let peer = try gateway.connect()
                try ask(peer, "GET /metrics")
                try gateway.settle()
                peer.close()
                try gateway.settle()
            }
            let patient = try gateway.connect()
            try ask(patient, "GET /metrics")
            try gateway.settle()
            try reader.end()
            #expect(try patient.readResponse().status == 200)
            #expect(scrapes.count == 1)
        }
    }

    @Test("too many that wait at once are refused")
    func tooMany() throws {
        let (reader, reloader) = (try Busy("reading"), try Busy("reloading"))
        try run(reading: reader.queue, reloading: reloader.queue) { gateway in
            reader.begin()
            let peers = try (0..<257).map { number in
                let peer = try gateway.connect(name: "client \(number)")
                try ask(peer, "GET /routes")
                return peer
            }
            try gateway.settle()
            #expect(try peers.last?.readResponse().status == 503)
            try reader.end()
            for peer in peers.dropLast() { #expect(try peer.readResponse().status == 200) }
            try ask(peers[256], "GET /routes")
            #expect(try peers[256].readResponse().status == 200)
        }
    }

    @Test("reloads that are asked for while one is carried out are the next one together")
    func reloadsTogether() throws {
        let (reader, reloader) = (try Busy("reading"), try Busy("reloading"))
        try run(reading: reader.queue, reloading: reloader.queue) { gateway in
            reloader.begin()
            let peers = try (0..<5).map { number in
                let peer = try gateway.connect(name: "client \(number)")
                try ask(peer, "POST /reload")
                return peer
            }
            try gateway.settle()
            try reloader.end()
            for peer in peers {
                let answer = try peer.readResponse()
                #expect(answer.status == 200)
                #expect(answer.text.contains("reload 1"))
            }
            try ask(peers[0], "POST /reload")
            #expect(try peers[0].readResponse().text.contains("reload 2"))
        }
    }
}
