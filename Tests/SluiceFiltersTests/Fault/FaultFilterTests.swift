import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceFilters

@Suite("fault") struct FaultFilterTests {
    /// A filter, and the loop whose time the test moves.
    private struct Bench {
        let filter: any Filter
        let loop: LoopContext

        init(_ settings: String, _ surroundings: FilterSurroundings = FilterSurroundings(), seed: UInt64 = 7) throws {
            let file = FilterFile("fault: \(settings)")
            let configuration = try #require(
                file.model?.filters.first?.configuration as? FaultConfiguration,
                "\(file.findings)"
            )
            loop = LoopContext(
                loop: EmbeddedEventLoop(),
                random: RandomSource(seed: seed),
                clock: { .uptimeNanoseconds(0) },
                wallClock: { 0 }
            )
            let resources = FilterResources(loop: loop, slot: 0, identity: "global/fault", surroundings: surroundings)
            filter = configuration.makeFilter(resources)
        }

        func pass(_ time: TimeAmount) {
            loop.wheel.advance(to: loop.wheel.now + UInt64(time.nanoseconds / 50_000_000))
        }
    }

    private func exchange(_ request: [(String, String)] = []) -> TestExchange {
        TestExchange(request: request, slots: 1)
    }

    private func isWaiting(_ verdict: HeadVerdict) -> Bool { if case .wait = verdict { true } else { false } }

    // MARK: - Aborts

    @Test("an abort answers with the status and the code of its own")
    func abort() throws {
        let bench = try Bench("{abort: {status: 429}}")
        let reply = try #require(bench.filter.onRequest(exchange()).reply)
        #expect(reply.status == 429 && reply.error == .faultInjected && !bench.filter.wantsEnd)
    }

    @Test(
        "the share is what was asked for",
        arguments: [("0%", 0...0), ("1%", 60...140), ("50%", 4800...5200), ("100%", 10_000...10_000)]
    )
    func share(percent: String, expected: ClosedRange<Int>) throws {
        let bench = try Bench("{abort: {status: 503, percent: \(percent)}}")
        let hit = (0..<10_000).count { _ in bench.filter.onRequest(exchange()).reply != nil }
        #expect(expected.contains(hit), "\(hit)")
    }

    // MARK: - Delays

    @Test("a delay ends after its time, not before, and the request goes on")
    func delay() throws {
        let bench = try Bench("{delay: {time: 2s}}")
        let exchange = exchange()
        #expect(isWaiting(bench.filter.onRequest(exchange)) && bench.filter.wantsEnd)
        bench.pass(.milliseconds(2000))
        #expect(exchange.resumed.isEmpty)
        bench.pass(.milliseconds(100))
        #expect(exchange.resumed.count == 1 && exchange.resumed[0].isNext)
        bench.filter.onEnd(exchange)
        #expect(exchange.slots[0] == nil)
    }

    @Test("delays between two bounds differ and keep to them")
    func range() throws {
        let bench = try Bench("{delay: {min: 1s, max: 3s}}")
        let exchanges = (0..<200).map { _ in exchange() }
        for exchange in exchanges { #expect(isWaiting(bench.filter.onRequest(exchange))) }
        var counts: [Int] = []
        for _ in 0..<8 {
            bench.pass(.milliseconds(500))
            counts.append(exchanges.count { !$0.resumed.isEmpty })
        }
        #expect(counts[0] == 0 && counts[1] == 0 && counts[3] > 50 && counts[3] < 150 && counts[7] == 200)
    }

    @Test("a request that is delayed and failed waits first")
    func both() throws {
        let bench = try Bench("{delay: {time: 1s}, abort: {status: 503}}")
        let exchange = exchange()
        #expect(isWaiting(bench.filter.onRequest(exchange)))
        bench.pass(.milliseconds(1100))
        #expect(exchange.resumed.map(\.reply?.status) == [503])
    }

    @Test("a client that leaves while it waits takes its place and its timer along")
    func leaves() throws {
        let bench = try Bench("{delay: {time: 5s}, max_delayed: 1}")
        let gone = exchange()
        #expect(isWaiting(bench.filter.onRequest(gone)))
        #expect(bench.filter.onRequest(exchange()).isNext)
        bench.filter.onEnd(gone)
        bench.filter.onEnd(gone)
        let next = exchange()
        #expect(isWaiting(bench.filter.onRequest(next)))
        #expect(bench.filter.onRequest(exchange()).isNext)
        bench.pass(.seconds(6))
        #expect(gone.resumed.isEmpty && next.resumed.count == 1)
    }

    @Test("only so many wait at once, over all loops; further ones go on without a delay")
    func bounded() throws {
        let surroundings = FilterSurroundings()
        let loops = [
            try Bench("{delay: {time: 1s}, max_delayed: 3}", surroundings),
            try Bench("{delay: {time: 1s}, max_delayed: 3}", surroundings),
        ]
        var waiting = 0
        for i in 0..<10 where isWaiting(loops[i % 2].filter.onRequest(exchange())) { waiting += 1 }
        #expect(waiting == 3)
        for bench in loops { bench.pass(.seconds(2)) }
        for i in 0..<10 where isWaiting(loops[i % 2].filter.onRequest(exchange())) { waiting += 1 }
        #expect(waiting == 6)
    }

    @Test("with too many waiting, a fault still fails")
    func boundedAbort() throws {
        let bench = try Bench("{delay: {time: 1s}, abort: {status: 500}, max_delayed: 1}")
        #expect(isWaiting(bench.filter.onRequest(exchange())))
        #expect(bench.filter.onRequest(exchange()).reply?.status == 500)
    }

    // MARK: - Headers

    @Test("clients choose faults only where the file lets them, and the fields end here")
    func headers() throws {
        let fields = [("X-Fault-Abort", "418"), ("A", "b"), ("x-fault-delay", "250ms")]
        let deaf = exchange(fields)
        #expect(try Bench("{abort: {status: 503, percent: 0%}}").filter.onRequest(deaf).isNext)
        #expect(deaf.requestLines.count == 3)
        let bench = try Bench("{from_headers: true}")
        let exchange = exchange(fields)
        #expect(isWaiting(bench.filter.onRequest(exchange)))
        #expect(exchange.requestLines == ["A: b"])
        bench.pass(.milliseconds(350))
        #expect(exchange.resumed.map(\.reply?.status) == [418])
        #expect(bench.filter.onRequest(self.exchange()).isNext)
    }

    @Test("what a request asks for comes before the dice")
    func priority() throws {
        let bench = try Bench("{from_headers: true, abort: {status: 503}}")
        #expect(bench.filter.onRequest(exchange([("x-fault-abort", "404")])).reply?.status == 404)
        #expect(bench.filter.onRequest(exchange()).reply?.status == 503)
    }

    @Test(
        "a value that makes no sense asks for nothing, and does not go upstream either",
        arguments: [
            [("x-fault-abort", "")], [("x-fault-abort", "199")], [("x-fault-abort", "600")],
            [("x-fault-abort", "+503")],
            [("x-fault-abort", "503 ")], [("x-fault-abort", "5e2")], [("x-fault-abort", "99999999999999999999")],
            [("x-fault-abort", "503"), ("x-fault-abort", "404")], [("x-fault-delay", "")], [("x-fault-delay", "5")],
            [("x-fault-delay", "-5s")], [("x-fault-delay", "0")], [("x-fault-delay", "1s, 2s")],
            [("x-fault-delay", "99999999999999d")], [("x-fault-delay", String(repeating: "1", count: 5000) + "s")],
            [("x-fault-delay", "1s"), ("X-Fault-Delay", "2s")],
        ]
    )
    func nonsense(fields: [(String, String)]) throws {
        let exchange = exchange(fields)
        #expect(try Bench("{from_headers: true}").filter.onRequest(exchange).isNext)
        #expect(exchange.requestLines.isEmpty)
    }

    @Test("a delay that is asked for never outlasts the patience of the engine")
    func longest() throws {
        let bench = try Bench("{from_headers: true}")
        let exchange = exchange([("x-fault-delay", "1h")])
        #expect(isWaiting(bench.filter.onRequest(exchange)))
        bench.pass(.seconds(9) + .milliseconds(100))
        #expect(exchange.resumed.count == 1)
    }

    // MARK: - The file

    @Test("tells what it does")
    func effects() {
        let file = FilterFile(
            "fault: {delay: {min: 10ms, max: 2s, percent: 5%}, abort: {status: 503, percent: 0.1%}, from_headers: true}"
        )
        #expect(
            file.model?.filters.first?.configuration.effects == [
                "request: delay 5% by 10ms to 2s", "request: answer 0.1% with 503",
                "request: delay or answer as x-fault-delay and x-fault-abort ask for",
            ]
        )
    }

    @Test(
        "mistakes in the file",
        arguments: [
            ("{}", "SL011 filter 'fault' does nothing"),
            ("{abort: {}}", "SL011 'abort' of filter 'fault' needs 'status'"),
            ("{abort: {status: 100}}", "SL015"), ("{abort: {status: 503, percent: 10}}", "SL014"),
            ("{abort: {status: 503, percent: 101%}}", "SL015"),
            ("{delay: {time: 10s}}", "SL015 'time' of 'delay' of filter 'fault' must be at most 9s, not '10s'"),
            ("{delay: {min: 1s, max: 9001ms}}", "SL015 'max' of 'delay' of filter 'fault' must be at most 9s"),
            ("{delay: {}}", "SL011 'delay' of filter 'fault' needs 'time', or 'min' and 'max'"),
            ("{delay: {min: 1s}}", "SL011"), ("{delay: {min: 2s, max: 1s}}", "SL013 'min' is longer than 'max'"),
            ("{delay: {time: 1s, max: 2s}}", "SL016"), ("{delay: {time: 0}}", "SL015"),
            (
                "{abort: {status: 503}, max_delayed: 5}",
                "SL013 'max_delayed' has no effect without 'delay' or 'from_headers'"
            ),
            ("{percent: 5%}", "SL012"),
        ]
    )
    func diagnostics(settings: String, finding: String) {
        let findings = FilterFile("fault: \(settings)").findings
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }
}
