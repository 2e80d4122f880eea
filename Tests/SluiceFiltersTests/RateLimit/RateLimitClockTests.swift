import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import SluiceFilters
import Synchronization
import Testing

/// Two clocks that stand still until a test moves them: one only goes on, the other can be set.
private final class Clocks: Sendable {
    private let uptime = Mutex<UInt64>(500_000_000_000)
    private let ahead: Mutex<Int64>

    /// - Parameter start: the time on the wall, in nanoseconds since 1970.
    init(start: Int64) { ahead = Mutex(start - 500_000_000_000) }

    func advance(by amount: TimeAmount) { uptime.withLock { $0 += UInt64(amount.nanoseconds) } }
    func setWallClock(by amount: TimeAmount) { ahead.withLock { $0 += amount.nanoseconds } }

    func makeLoop() -> LoopContext {
        LoopContext(
            loop: EmbeddedEventLoop(),
            clock: { [self] in .uptimeNanoseconds(uptime.withLock { $0 }) },
            wallClock: { 0 },
            nanoClock: { [self] in Int64(uptime.withLock { $0 }) + ahead.withLock { $0 } }
        )
    }
}

/// Limits and time, through the filter.
@Suite("rate_limit and clocks") struct RateLimitClockTests {
    /// 2023-11-14 12:00:30.5 UTC.
    private static let noon: Int64 = 1_699_963_230_500_000_000

    private func filter(
        _ settings: String,
        _ clocks: Clocks,
        _ surroundings: FilterSurroundings = FilterSurroundings()
    ) throws -> any Filter {
        let file = FilterFile("rate_limit: \(settings)")
        let resources = FilterResources(loop: clocks.makeLoop(), slot: 0, surroundings: surroundings)
        return try #require(file.filter(resources), "\(file.findings)")
    }

    private func passes(_ filter: any Filter) -> Bool {
        let exchange = TestExchange(slots: 1)
        exchange.client = IPAddress("10.0.0.1")
        return filter.onRequest(exchange).isNext
    }

    private func count(_ filter: any Filter, of requests: Int) -> Int {
        (0..<requests).count { _ in passes(filter) }
    }

    @Test("a minute begins when the clock on the wall says so")
    func aligned() throws {
        let clocks = Clocks(start: Self.noon)
        let filter = try filter("{rate: 10/min, algorithm: fixed_window}", clocks)
        #expect(count(filter, of: 12) == 10)
        clocks.advance(by: .milliseconds(29_499))
        #expect(count(filter, of: 12) == 0)
        clocks.advance(by: .milliseconds(1))
        #expect(count(filter, of: 12) == 10)
    }

    @Test("a day of windows: every minute has its ten, no more and no less")
    func day() throws {
        let clocks = Clocks(start: Self.noon)
        let filter = try filter("{rate: 10/min, algorithm: fixed_window}", clocks)
        #expect(count(filter, of: 20) == 10)
        clocks.advance(by: .milliseconds(29_500))
        for _ in 0..<1440 {
            var passed = 0
            for _ in 0..<20 {
                if passes(filter) { passed += 1 }
                clocks.advance(by: .seconds(3))
            }
            #expect(passed == 10)
        }
    }

    @Test("setting the clock on the wall neither ends a window nor brings one back", arguments: ["fixed", "sliding"])
    func jumps(algorithm: String) throws {
        let clocks = Clocks(start: Self.noon)
        let filter = try filter("{rate: 10/h, algorithm: \(algorithm)_window}", clocks)
        #expect(count(filter, of: 12) == 10)
        for jump in [TimeAmount.hours(2), .hours(-5), .seconds(1), .hours(24 * 365), .milliseconds(-1)] {
            clocks.setWallClock(by: jump)
            clocks.advance(by: .seconds(5))
            #expect(count(filter, of: 3) == 0, "after a jump by \(jump)")
        }
        // Two hours later both windows are over, as they would have been without the jumps.
        clocks.advance(by: .hours(2))
        #expect(count(filter, of: 12) == 10)
    }

    @Test("a loop that measures the clocks after a jump counts the same windows")
    func lateLoop() throws {
        let clocks = Clocks(start: Self.noon)
        let surroundings = FilterSurroundings()
        let early = try filter("{rate: 10/h, algorithm: fixed_window}", clocks, surroundings)
        #expect(count(early, of: 6) == 6)
        clocks.setWallClock(by: .hours(3))
        let late = try filter("{rate: 10/h, algorithm: fixed_window}", clocks, surroundings)
        #expect(count(late, of: 6) == 4)
        #expect(count(early, of: 6) == 0)
    }

    @Test("a reload keeps the counts, unless the limit became another one")
    func reload() throws {
        let clocks = Clocks(start: Self.noon)
        let surroundings = FilterSurroundings()
        #expect(count(try filter("{rate: 60/h, burst: 5}", clocks, surroundings), of: 9) == 5)
        #expect(count(try filter("{rate: 60/h, burst: 5, headers: none}", clocks, surroundings), of: 9) == 0)
        // The bucket grew by two, and these are there.
        #expect(count(try filter("{rate: 60/h, burst: 7}", clocks, surroundings), of: 9) == 2)
        #expect(count(try filter("{rate: 61/h, burst: 7}", clocks, surroundings), of: 9) == 7)
    }

    @Test("rates of less than one a day, and over any time")
    func slow() throws {
        let clocks = Clocks(start: Self.noon)
        let weekly = try filter("{rate: 1/7d}", clocks)
        #expect(count(weekly, of: 3) == 1)
        clocks.advance(by: .hours(7 * 24) - .nanoseconds(1))
        #expect(count(weekly, of: 3) == 0)
        clocks.advance(by: .nanoseconds(1))
        #expect(count(weekly, of: 3) == 1)
        let odd = try filter("{rate: 3/1m30s, algorithm: sliding_window}", clocks)
        #expect(count(odd, of: 5) == 3)
        clocks.advance(by: .minutes(3))
        #expect(count(odd, of: 5) == 3)
    }

    /// The bucket of `5000/day` held one second of the rate, which is one request: the second one had to wait for 17 s.
    @Test("who sets no burst may send all that the rate counts at once, and not one request")
    func burstThatNobodySet() throws {
        let clocks = Clocks(start: Self.noon)
        let daily = try filter("{rate: 48/day}", clocks)
        #expect(count(daily, of: 60) == 48)
        clocks.advance(by: .minutes(30))
        #expect(count(daily, of: 3) == 1)
        clocks.advance(by: .hours(24))
        #expect(count(daily, of: 60) == 48)
    }

    @Test(arguments: ["5/0s", "5/0", "5/", "/s", "1.5/s", "-1/s", "+1/s", "5/s/s", "5/100us", "99999999999999999999/s"])
    func noRate(text: String) {
        let findings = FilterFile("rate_limit: {rate: \"\(text)\"}").findings
        #expect(findings.contains { $0.contains("SL014 'rate' of filter 'rate_limit' is not a rate") }, "\(findings)")
    }
}
