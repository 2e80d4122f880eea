import SluiceCore
import Testing

@testable import SluiceTranscoding

/// Messages of every kind, and what protobuf's own implementation prints for them.
@Suite struct PrintGoldenTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let type: String
        let binary: [UInt8]
        /// By variant; nil where json_format refuses, absent where it is not asked.
        let printed: [String: String?]

        var testDescription: String { "\(type) \(Hex.text(binary.prefix(24)))" }
    }

    static let variants: [String: PrintOptions] = {
        var variants = ["plain": PrintOptions()]
        variants["always", default: PrintOptions()].alwaysPrintPrimitiveFields = true
        variants["ints", default: PrintOptions()].alwaysPrintEnumsAsInts = true
        variants["proto", default: PrintOptions()].preserveProtoFieldNames = true
        return variants
    }()

    static let cases: [Case] = {
        let lines = (try? Fixture.lines("print.jsonl")) ?? []
        return lines.map { line in
            Case(
                type: line.text("type") ?? "",
                binary: line.hex("binary") ?? [],
                printed: Dictionary(
                    uniqueKeysWithValues: variants.keys.filter { line[$0] != nil }.map { ($0, line.text($0)) }
                )
            )
        }
    }()

    @Test func `the file is there`() { #expect(Self.cases.count > 300) }

    @Test(arguments: cases) func `a message is printed as json_format prints it`(_ one: Case) throws {
        for (name, print) in Self.variants {
            guard let known = one.printed[name] else { continue }
            var options = Fixture.options
            options.print = print
            guard let expected = known else {
                #expect(throws: TranscodingError.self) {
                    try Translate.print(one.binary, as: one.type, options: options)
                }
                continue
            }
            let text = try Translate.print(one.binary, as: one.type, options: options)
            #expect(SameJSON.compare(text, expected), "\(name): \(text) against \(expected)")
        }
    }

    @Test(arguments: cases) func `what is printed makes the same message again`(_ one: Case) throws {
        for (name, print) in Self.variants where one.printed[name] ?? nil != nil {
            var options = Fixture.options
            options.print = print
            options.print.addWhitespace = one.binary.count % 2 == 0
            // Fields that are printed though unset are set afterwards, which only presence tells apart.
            if print.alwaysPrintPrimitiveFields { continue }
            let text = try Translate.print(one.binary, as: one.type, options: options)
            // json_format takes a type without a slash, which nobody else does.
            if text.contains("\"@type\":\"sluice") || text.contains("\"@type\": \"sluice") { continue }
            let again = try #require(try Translate.parse(text, as: one.type, pieces: 5, options: options).first)
            let type = Fixture.message(one.type)
            #expect(try Translate.print(again, as: one.type, options: options) == text)
            let isSame = try Canonical.fields(again, as: type) == Canonical.fields(one.binary, as: type)
            // A message inside an Any may come out with another order of its map, and NaN has many bit patterns.
            #expect(isSame || one.printed["plain"].flatMap(\.self)?.contains("@type") == true || text.contains("NaN"))
        }
    }
}
