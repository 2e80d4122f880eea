internal import NIOCore
internal import SluiceConfig
internal import Testing

@Suite struct UnitsTests {
    @Test(arguments: [
        ("0", 0), ("1ns", 1), ("250us", 250_000), ("250ms", 250_000_000), ("5s", 5_000_000_000), ("0s", 0),
        ("2m", 120_000_000_000),
        ("1h", 3_600_000_000_000), ("1d", 86_400_000_000_000), ("1.5s", 1_500_000_000), ("0.1ms", 100_000),
        ("1h30m", 5_400_000_000_000),
    ])
    func readsDurations(_ text: String, _ nanoseconds: Int64) throws {
        #expect(try Units.duration(text).get() == .nanoseconds(nanoseconds))
    }

    @Test(arguments: [
        "", "5", "1.5", "s", "5 s", "5sec", "-5s", "+5s", "5S", "5m5", ".5s", "5.s", "1..5s", "5s ", "1e3s", "٥s",
        "99999999999999999999s",
        "88000h", "9999999999999d",
    ])
    func refusesOtherDurations(_ text: String) {
        #expect(throws: ValueProblem.self) { try Units.duration(text).get() }
    }

    @Test func saysWhichUnitABareNumberCouldHave() {
        guard case .failure(let problem) = Units.duration("30") else {
            Issue.record("a bare number is a duration")
            return
        }
        #expect(problem.code == .unit)
        #expect(problem.help == "write {}ms, {}s, {}m or {}h")
    }

    @Test(arguments: [
        ("0", 0), ("512", 512), ("512B", 512), ("10KB", 10_000), ("64KiB", 65_536), ("1MiB", 1 << 20),
        ("1.5MiB", 3 << 19), ("2GB", 2_000_000_000),
        ("1 KiB", 1024), ("1TiB", 1 << 40),
    ])
    func readsSizes(_ text: String, _ bytes: Int) throws {
        #expect(try Units.size(text).get() == bytes)
    }

    @Test(arguments: [
        "", "KiB", "64K", "64kb", "1.5", "-1", "1MiB2", "1 megabyte", "999999999999999TiB", "99999999999999999999",
    ])
    func refusesOtherSizes(_ text: String) {
        #expect(throws: ValueProblem.self) { try Units.size(text).get() }
    }

    @Test(arguments: [("20%", 0.2), ("0%", 0), ("100%", 1), ("0.5%", 0.005), ("12.5%", 0.125)])
    func readsPercentages(_ text: String, _ share: Double) throws {
        #expect(abs(try Units.percent(text).get() - share) < 1e-12)
    }

    @Test(arguments: ["", "20", "%", "20 %", "20%%", "-1%", "0.2"])
    func refusesOtherPercentages(_ text: String) {
        #expect(throws: ValueProblem.self) { try Units.percent(text).get() }
    }

    @Test(arguments: ["250ms", "5s", "90s", "1h", "5m", "1500ms", "0", "7ns"])
    func writesDurationsAsTheyAreRead(_ text: String) throws {
        #expect(Units.showDuration(try Units.duration(text).get()) == text)
    }

    @Test(arguments: ["0", "512B", "64KiB", "1MiB", "1GiB", "1000B"])
    func writesSizesAsTheyAreRead(_ text: String) throws {
        #expect(Units.showSize(try Units.size(text).get()) == text)
    }

    @Test func writesPercentages() {
        #expect(Units.showPercent(0.2) == "20%")
        #expect(Units.showPercent(0.125) == "12.5%")
        #expect(Units.showPercent(0) == "0%")
    }
}
