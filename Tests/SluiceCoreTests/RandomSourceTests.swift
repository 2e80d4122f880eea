import SluiceCore
import Testing

@Suite("Random source")
struct RandomSourceTests {
    @Test("The published SplitMix64 sequence of seed 1234567")
    func knownSequence() {
        var random = RandomSource(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ]
        #expect(expected.map { _ in random.next() } == expected)
    }

    @Test("Two generators seeded by the system differ")
    func systemSeed() {
        var a = RandomSource()
        var b = RandomSource()
        // Equal with a chance of 2^-128.
        #expect([a.next(), a.next()] != [b.next(), b.next()])
    }

    @Test("A bounded number is below its bound", arguments: [1, 2, 3, 10, 1 << 63, UInt64.max])
    func bounded(bound: UInt64) {
        var random = RandomSource(seed: 1)
        #expect((0..<1000).allSatisfy { _ in random.below(bound) < bound })
    }

    @Test("A bound of 0 gives 0")
    func zero() {
        var random = RandomSource(seed: 1)
        #expect(random.below(0) == 0)
    }

    @Test("Bounded numbers spread evenly")
    func even() {
        var random = RandomSource(seed: 3)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[Int(random.below(7))] += 1 }
        // 10,000 each with a standard deviation of 93.
        #expect(counts.allSatisfy { (9_500...10_500).contains($0) })
    }

    @Test("Serves the standard library's own choices")
    func standardLibrary() {
        var random = RandomSource(seed: 5)
        let shuffled = Array(0..<100).shuffled(using: &random)
        #expect(shuffled != Array(0..<100))
        #expect(shuffled.sorted() == Array(0..<100))
    }
}
