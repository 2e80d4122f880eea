import SluiceCore
import Testing

@testable import SluiceTranscoding

/// Random messages go to JSON and back under all options and in pieces of all sizes, and stay the same.
@Suite struct RoundTripTests {
    private static let types = ["sluice.test.Kitchen", "sluice.test.Scalars", "sluice.legacy.Old", "sluice.modern.New"]

    private static func options(_ random: inout RandomSource) -> TranscodingOptions {
        var options = Fixture.options
        options.print.addWhitespace = random.below(2) == 0
        options.print.alwaysPrintEnumsAsInts = random.below(2) == 0
        options.print.preserveProtoFieldNames = random.below(2) == 0
        return options
    }

    @Test(arguments: 0..<40) func `messages come back as they were`(_ seed: Int) throws {
        var random = RandomSource(seed: UInt64(seed))
        var maker = RandomMessage(seed: UInt64(seed) + 1000)
        for _ in 0..<10 {
            let name = Self.types[Int(random.below(4))]
            let type = Fixture.message(name)
            let message = maker.message(type)
            let options = Self.options(&random)
            let text = try Translate.print(message, as: name, options: options)
            let pieces = Int([1, 3, 16, 1_000_000][Int(random.below(4))])
            let again = try #require(try Translate.parse(text, as: name, pieces: pieces, options: options).first)
            // NaN has many bit patterns and one name.
            if text.contains("NaN") {
                #expect(try Translate.print(again, as: name, options: options) == text)
            } else {
                #expect(again == message, "\(text)")
            }
        }
    }

    @Test(arguments: 0..<20) func `fields in another order make the same text`(_ seed: Int) throws {
        var random = RandomSource(seed: UInt64(seed))
        var maker = RandomMessage(seed: UInt64(seed) + 2000)
        let name = "sluice.test.Kitchen"
        for _ in 0..<10 {
            let message = maker.message(Fixture.message(name))
            var parts: [(number: UInt32, bytes: [UInt8])] = []
            try message.withUnsafeBytes { all in
                var reader = WireReader(all)
                while let field = try reader.next() {
                    parts.append((field.number, Array(all[field.start..<reader.at])))
                }
            }
            // The order of one field's values stays.
            var numbers = Array(Set(parts.map(\.number))).sorted()
            numbers.shuffle(using: &random)
            let mixed = numbers.flatMap { number in parts.filter { $0.number == number }.flatMap(\.bytes) }
            #expect(try Translate.print(mixed, as: name) == Translate.print(message, as: name))
        }
    }
}
