import NIOCore
import SluiceConfig
import SluiceCore
import Testing

@testable import SluiceUpstream

@Suite struct DNSTrackerTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func at(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }

    private func tracker(port: Int? = 8080, min: Int64 = 5, max: Int64 = 300, seed: UInt64 = 1) -> DNSTracker {
        var model = DNSModel()
        model.minTTL = .seconds(min)
        model.maxTTL = .seconds(max)
        return DNSTracker(model, port: port, random: RandomSource(seed: seed), now: Self.start)
    }

    private func record(
        _ text: String,
        ttl: Int64 = 60,
        port: UInt16? = nil,
        priority: UInt16 = 0,
        weight: UInt16 = 1,
        target: String = "a.test"
    ) -> DNSRecord {
        DNSRecord(
            target: target,
            address: IPAddress(text) ?? IPAddress(v4: 0),
            port: port,
            priority: priority,
            weight: weight,
            ttl: .seconds(ttl)
        )
    }

    private func answer(_ records: DNSRecord..., gaps: [DNSGap] = []) -> Result<DNSAnswer, DNSError> {
        .success(DNSAnswer(records: records, gaps: gaps))
    }

    private func texts(_ endpoints: [DNSEndpoint]) -> [String] {
        endpoints.map { "\($0.address.description) \($0.port)" }
    }

    /// Runs one question and answer.
    private func ask(
        _ tracker: inout DNSTracker,
        _ result: Result<DNSAnswer, DNSError>,
        at seconds: Int64 = 0
    ) -> DNSChange? {
        tracker.refresh(Self.at(seconds))
        #expect(tracker.tick(Self.at(seconds)) == true)
        return tracker.finished(result, at: Self.at(seconds))
    }

    // MARK: - Every state against every event

    @Test("it starts due")
    func itStartsDue() {
        var tracker = tracker()
        #expect(tracker.nextDeadline == Self.at(0))
        #expect(tracker.tick(Self.at(-1)) == false)
        #expect(tracker.tick(Self.at(0)) == true)
        #expect(tracker.endpoints.isEmpty && tracker.lastError == nil && tracker.lastSuccess == nil)
    }

    @Test("asking, time passes: nothing is due")
    func askingTimePassesNothingIsDue() {
        var tracker = tracker()
        #expect(tracker.tick(Self.at(0)) == true)
        #expect(tracker.nextDeadline == nil)
        #expect(tracker.tick(Self.at(1000)) == false)
        tracker.refresh(Self.at(1000))
        #expect(tracker.tick(Self.at(1000)) == false)
    }

    @Test("asking, answered: believed until the TTL is over")
    func askingAnsweredBelievedUntilTheTTLIsOver() {
        var tracker = tracker()
        #expect(tracker.tick(Self.at(0)) == true)
        let change = tracker.finished(
            answer(record("192.0.2.1", ttl: 60), record("192.0.2.2", ttl: 30)),
            at: Self.at(1)
        )
        #expect(texts(change?.added ?? []) == ["192.0.2.1 8080", "192.0.2.2 8080"])
        #expect(tracker.lastSuccess == Self.at(1) && tracker.lastError == nil)
        #expect(tracker.nextDeadline == Self.at(31))
        #expect(tracker.tick(Self.at(31) - .nanoseconds(1)) == false)
        #expect(tracker.tick(Self.at(31)) == true)
    }

    @Test("asking, failed: what was known stays", arguments: DNSError.allCases)
    func askingFailedWhatWasKnownStays(error: DNSError) {
        var tracker = tracker()
        #expect(ask(&tracker, answer(record("192.0.2.1"))) != nil)
        #expect(ask(&tracker, .failure(error), at: 60) == nil)
        #expect(texts(tracker.endpoints) == ["192.0.2.1 8080"])
        #expect(tracker.lastError == error && tracker.lastSuccess == Self.at(0))
        #expect(ask(&tracker, answer(record("192.0.2.1")), at: 62) == nil)
        #expect(tracker.lastError == nil && tracker.lastSuccess == Self.at(62))
    }

    @Test("idle, answered or failed: ignored")
    func idleAnsweredOrFailedIgnored() {
        var tracker = tracker()
        #expect(tracker.finished(answer(record("192.0.2.1")), at: Self.at(0)) == nil)
        #expect(tracker.finished(.failure(.timeout), at: Self.at(0)) == nil)
        #expect(tracker.endpoints.isEmpty && tracker.lastError == nil && tracker.nextDeadline == Self.at(0))
    }

    @Test("idle, asked to refresh: due at once, never later")
    func idleAskedToRefreshDueAtOnceNeverLater() {
        var tracker = tracker()
        _ = ask(&tracker, answer(record("192.0.2.1")))
        tracker.refresh(Self.at(10))
        #expect(tracker.nextDeadline == Self.at(10))
        tracker.refresh(Self.at(20))
        #expect(tracker.nextDeadline == Self.at(10))
    }

    // MARK: - Time

    @Test(
        "the TTL is held within its bounds",
        arguments: [(0, 5), (4, 5), (5, 5), (6, 6), (300, 300), (301, 300), (86400, 300)] as [(Int64, Int64)]
    )
    func theTTLIsHeldWithinItsBounds(ttl: Int64, wait: Int64) {
        var tracker = tracker()
        _ = ask(&tracker, answer(record("192.0.2.1", ttl: ttl)))
        #expect(tracker.nextDeadline == Self.at(wait))
    }

    @Test("absurd bounds still give a wait")
    func absurdBoundsStillGiveAWait() {
        var tracker = tracker(min: 0, max: -1)
        _ = ask(&tracker, answer(record("192.0.2.1", ttl: 0)))
        #expect(tracker.nextDeadline == Self.start + .milliseconds(1))
    }

    @Test("waits after failures double up to 30 s, a random half taken off", arguments: 0..<20)
    func waitsAfterFailuresDoubleUpTo30SARandomHalfTakenOff(seed: UInt64) {
        var tracker = tracker(seed: seed)
        var now: Int64 = 0
        for full in [1, 2, 4, 8, 16, 30, 30, 30] as [Int64] {
            #expect(ask(&tracker, .failure(.timeout), at: now) == nil)
            let deadline = tracker.nextDeadline ?? Self.at(0)
            #expect(deadline > Self.at(now) + .milliseconds(full * 500) && deadline <= Self.at(now + full))
            now += full
        }
        _ = ask(&tracker, answer(record("192.0.2.1")), at: now)
        #expect(ask(&tracker, .failure(.timeout), at: now) == nil)
        #expect((tracker.nextDeadline ?? Self.at(999_999)) <= Self.at(now + 1))
    }

    @Test("waits after failures are no longer than the longest TTL")
    func waitsAfterFailuresAreNoLongerThanTheLongestTTL() {
        var tracker = tracker(min: 1, max: 3)
        for _ in 0..<6 { _ = ask(&tracker, .failure(.refused)) }
        #expect((tracker.nextDeadline ?? Self.at(99)) <= Self.at(3))
    }

    // MARK: - Change

    @Test("the same set in another order with other TTLs is no change")
    func theSameSetInAnotherOrderWithOtherTTLsIsNoChange() {
        var tracker = tracker()
        _ = ask(&tracker, answer(record("192.0.2.1"), record("2001:db8::1")))
        #expect(ask(&tracker, answer(record("2001:db8::1", ttl: 9), record("192.0.2.1", ttl: 8)), at: 1) == nil)
    }

    @Test("what came and what went")
    func whatCameAndWhatWent() {
        var tracker = tracker()
        _ = ask(&tracker, answer(record("192.0.2.1"), record("192.0.2.2")))
        let change = ask(&tracker, answer(record("192.0.2.2"), record("192.0.2.3")), at: 1)
        #expect(texts(change?.added ?? []) == ["192.0.2.3 8080"])
        #expect(texts(change?.removed ?? []) == ["192.0.2.1 8080"])
        #expect(change?.updated == [])
        #expect(texts(tracker.endpoints) == ["192.0.2.2 8080", "192.0.2.3 8080"])
    }

    @Test("services have ports, priorities and weights of their own")
    func servicesHavePortsPrioritiesAndWeightsOfTheirOwn() {
        var tracker = tracker(port: nil)
        _ = ask(
            &tracker,
            answer(
                record("192.0.2.1", port: 81, priority: 2, weight: 0),
                record("192.0.2.1", port: 80, priority: 1, weight: 7),
                record("192.0.2.9")
            )
        )
        #expect(
            tracker.endpoints == [
                DNSEndpoint(address: IPAddress(v4: 0xC000_0201), port: 80, priority: 1, weight: 7),
                DNSEndpoint(address: IPAddress(v4: 0xC000_0201), port: 81, priority: 2, weight: 1),
            ]
        )
        let change = ask(
            &tracker,
            answer(record("192.0.2.1", port: 80, priority: 1, weight: 9), record("192.0.2.1", port: 81, priority: 2)),
            at: 1
        )
        #expect(change?.added == [] && change?.removed == [])
        #expect(change?.updated.map(\.weight) == [9])
    }

    @Test("an endpoint that is listed twice counts once, in its better priority")
    func anEndpointThatIsListedTwiceCountsOnceInItsBetterPriority() {
        var tracker = tracker(port: nil)
        _ = ask(
            &tracker,
            answer(
                record("192.0.2.1", port: 80, priority: 5, weight: 50),
                record("192.0.2.1", port: 80, priority: 1, weight: 10),
                record("192.0.2.1", port: 80, priority: 1, weight: 20)
            )
        )
        #expect(tracker.endpoints.map(\.priority) == [1] && tracker.endpoints.map(\.weight) == [10])
    }

    // MARK: - Gaps

    @Test("a family that could not be asked keeps its addresses")
    func aFamilyThatCouldNotBeAskedKeepsItsAddresses() {
        var tracker = tracker()
        _ = ask(&tracker, answer(record("192.0.2.1"), record("2001:db8::1")))
        let gap = DNSGap(target: "a.test", isV4: false, error: .timeout)
        #expect(ask(&tracker, answer(record("192.0.2.1", ttl: 300), gaps: [gap]), at: 1) == nil)
        #expect(tracker.endpoints.count == 2 && tracker.lastError == .timeout)
        #expect((tracker.nextDeadline ?? Self.at(999)) <= Self.at(2))
        // Still so the second time, and gone once the server says so.
        #expect(ask(&tracker, answer(record("192.0.2.1"), gaps: [gap]), at: 3) == nil)
        let change = ask(&tracker, answer(record("192.0.2.1")), at: 5)
        #expect(texts(change?.removed ?? []) == ["2001:db8::1 8080"])
        #expect(tracker.nextDeadline == Self.at(65))
    }

    @Test("a target that could not be asked keeps its addresses on its port, others go")
    func aTargetThatCouldNotBeAskedKeepsItsAddressesOnItsPort() {
        var tracker = tracker(port: nil)
        _ = ask(
            &tracker,
            answer(
                record("192.0.2.1", port: 80, target: "n1.test"),
                record("192.0.2.2", port: 80, target: "n2.test"),
                record("192.0.2.2", port: 81, target: "n2.test"),
                record("192.0.2.3", port: 80, target: "n3.test")
            )
        )
        let gap = DNSGap(target: "n2.test", port: 80, isV4: true, error: .serverFailure)
        let change = ask(&tracker, answer(record("192.0.2.1", port: 80, target: "n1.test"), gaps: [gap]), at: 1)
        #expect(texts(change?.removed ?? []) == ["192.0.2.2 81", "192.0.2.3 80"])
        #expect(texts(tracker.endpoints) == ["192.0.2.1 80", "192.0.2.2 80"])
    }
}
