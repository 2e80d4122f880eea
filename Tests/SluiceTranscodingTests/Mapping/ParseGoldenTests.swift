import SluiceCore
import Testing

@testable import SluiceTranscoding

/// Texts of every kind, and what protobuf's own implementation makes of them.
@Suite struct ParseGoldenTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let type: String
        let text: String
        let strict: [UInt8]?
        let ignoring: [UInt8]?

        var testDescription: String { text }
    }

    static let cases: [Case] = {
        let lines = (try? Fixture.lines("parse.jsonl")) ?? []
        return lines.map { line in
            Case(
                type: line.text("type") ?? "",
                text: line.text("text") ?? "",
                strict: line.hex("strict"),
                ignoring: line.hex("ignoring")
            )
        }
    }()

    /// Texts that json_format takes and no other implementation, or the other way round; the conformance tests of
    /// protobuf want what is done here.
    static let stricterHere: Set<String> = [
        #"{"aDouble":true}"#, #"{"aColor":1.5}"#, #"{"aColor":true}"#, #"{"anInt32":1,"an_int32":2}"#, "[]",
        #"{"scalars":[]}"#, #"{"items":[[]]}"#, #"{"time":"2026-11-23T12:34:56.Z"}"#,
        #"{"any":{"@type":"sluice.test.Scalars"}}"#,
    ]
    /// The greatest float, as everybody writes it, is above json_format's limit.
    static let laxerHere: Set<String> = [#"{"aFloat":3.4028235e38}"#]

    @Test func `the file is there`() { #expect(Self.cases.count > 300) }

    @Test(arguments: cases) func `a text makes the same message as json_format`(_ one: Case) throws {
        if Self.stricterHere.contains(one.text) {
            #expect(throws: TranscodingError.self) { try Translate.parse(one.text, as: one.type) }
            return
        }
        if Self.laxerHere.contains(one.text) {
            #expect(try Translate.parse(one.text, as: one.type).count == 1)
            return
        }
        try expect(one.strict, one, Fixture.options)
    }

    @Test(arguments: cases) func `unknown fields and enum values are ignored when asked for`(_ one: Case) throws {
        guard let ignoring = one.ignoring, one.strict == nil, one.text.first == "{", one.text != #"{"scalars":"x"}"#
        else { return }
        var options = Fixture.options
        options.unknownFields = .ignore
        try expect(ignoring, one, options)
    }

    @Test(arguments: cases) func `pieces of any size make no difference`(_ one: Case) throws {
        let whole = Result { () throws(TranscodingError) in try Translate.parse(one.text, as: one.type) }
        for size in [1, 2, 3, 7] {
            let pieces = Result { () throws(TranscodingError) in
                try Translate.parse(one.text, as: one.type, pieces: size)
            }
            #expect(pieces == whole, "pieces of \(size)")
        }
    }

    private func expect(_ binary: [UInt8]?, _ one: Case, _ options: TranscodingOptions) throws {
        guard let binary else {
            #expect(throws: TranscodingError.self) { try Translate.parse(one.text, as: one.type, options: options) }
            return
        }
        let messages = try Translate.parse(one.text, as: one.type, options: options)
        let message = try #require(messages.first)
        #expect(messages.count == 1)
        let type = Fixture.message(one.type)
        let mine = try Canonical.fields(message, as: type)
        let theirs = try Canonical.fields(binary, as: type)
        #expect(mine == theirs, "\(Hex.text(message)) against \(Hex.text(binary))")
        #expect(message.count == binary.count)
    }
}
