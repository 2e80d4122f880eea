import SluiceCore
import Testing

@testable import SluiceHTTP

/// Streams by their number: what a dictionary would say.
@Suite struct HTTP2StreamTableTests {
    private final class Stream {
        let number: Int32

        init(_ number: Int32) { self.number = number }
    }

    @Test func aNewTableHasNothing() {
        var table = HTTP2StreamTable<Stream>(secret: 0)
        #expect(table.isEmpty)
        #expect(table[1] == nil)
        #expect(table.remove(1) == nil)
        #expect(table.all.isEmpty)
    }

    @Test func aStreamOfTheSameNumberTakesThePlace() {
        var table = HTTP2StreamTable<Stream>(secret: 7)
        let second = Stream(1)
        table.insert(Stream(1), at: 1)
        table.insert(second, at: 1)
        #expect(table.count == 1)
        #expect(table[1] === second)
    }

    /// Seeds of 0 make numbers their own places, so that runs of neighbours and the wrap at the end are met.
    @Test(arguments: [0, 1, 2, 3, 0x9E37_79B9_7F4A_7C15] as [UInt64])
    func itIsADictionary(secret: UInt64) {
        var random = RandomSource(seed: secret)
        var table = HTTP2StreamTable<Stream>(secret: secret)
        var model: [Int32: Stream] = [:]
        for step in 0..<20_000 {
            // Long runs that grow, and long runs that shrink.
            let grows = step / 1000 % 2 == 0
            let number = Int32.random(in: 1...1500, using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 ? !grows : grows {
                let stream = Stream(number)
                table.insert(stream, at: number)
                model[number] = stream
            } else {
                #expect(table.remove(number) === model.removeValue(forKey: number))
            }
            let asked = Int32.random(in: 1...1500, using: &random)
            #expect(table[asked] === model[asked])
            #expect(table.count == model.count)
        }
        #expect(Set(table.all.map(\.number)) == Set(model.keys))
        for number in model.keys { #expect(table.remove(number)?.number == number) }
        #expect(table.isEmpty)
        table.insert(Stream(9), at: 9)
        table.removeAll()
        #expect(table[9] == nil)
    }

    @Test func aLargeTableIsGivenBackWhenItIsEmpty() {
        var table = HTTP2StreamTable<Stream>(secret: 5)
        for number in 1...1000 as ClosedRange<Int32> { table.insert(Stream(number), at: number) }
        #expect(table.numbers.count == 2048)
        for number in 1...1000 as ClosedRange<Int32> { #expect(table.remove(number) != nil) }
        #expect(table.numbers.isEmpty)
    }
}
