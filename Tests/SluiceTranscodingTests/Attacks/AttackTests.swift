import NIOCore
import SluiceCore
import Testing

@testable import SluiceTranscoding

/// Peers that want memory, time or a crash.
@Suite struct AttackTests {
    private static let kitchen = "sluice.test.Kitchen"

    private func small(_ bytes: Int, depth: Int = 100) -> TranscodingOptions {
        var options = Fixture.options
        options.limits.message = bytes
        options.limits.depth = depth
        return options
    }

    private func kind(
        _ text: some Sequence<UInt8>,
        _ options: TranscodingOptions = Fixture.options
    ) -> TranscodingError.Kind? {
        do {
            _ = try Translate.parse(text, as: Self.kitchen, options: options)
            return nil
        } catch {
            return error.kind
        }
    }

    private func repeated(_ text: String, _ count: Int, _ inner: String = "", _ end: String = "") -> [UInt8] {
        Array((String(repeating: text, count: count) + inner + String(repeating: end, count: count)).utf8)
    }

    // MARK: - What is held

    /// Bytes of a text that are taken, in pieces, before it is too large; nil when all of it is.
    private func taken(_ text: String, pieces: Int, _ options: TranscodingOptions) throws -> Int? {
        let root = MessageAssembler.Root(message: Fixture.message(Self.kitchen))
        var assembler = MessageAssembler(pool: Fixture.pool, options: options, root: root)
        var tokenizer = JSONTokenizer(depthLimit: 100, limits: options.limits)
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            do throws(TranscodingError) {
                try Array(bytes[start..<min(start + pieces, bytes.count)]).withRawBytes {
                    (piece) throws(TranscodingError) in try tokenizer.feed(piece, to: &assembler)
                }
            } catch {
                guard error.kind == .tooLarge else { throw error }
                return start
            }
        }
        return nil
    }

    @Test("of a string that does not end no more is held than a message may have", arguments: [7, 1000, 30_000])
    func endlessString(pieces: Int) throws {
        let options = small(30_000)
        // A third and a KiB more, for base64.
        let most = 30_000 / 3 * 4 + 1024
        let endless = String(repeating: "a", count: 200_000)
        #expect(try #require(try taken(#"{"text":"\#(endless)"#, pieces: pieces, options)) <= most + 9)
        #expect(try #require(try taken(#"{"\#(endless)"#, pieces: pieces, options)) <= most + 2)
        #expect(
            try #require(try taken(#"{"wDouble":1\#(endless.replacing("a", with: "1"))"#, pieces: pieces, options))
                <= most + 11
        )
        // With what the message has already.
        let full = #"{"texts":["\#(String(repeating: "b", count: 29_000))","\#(endless)"#
        #expect(try #require(try taken(full, pieces: pieces, options)) <= most + 20)
    }

    @Test("what escapes and base64 add is not held against a message", arguments: [7, 1000, 30_000])
    func longerThanItMeans(pieces: Int) throws {
        let options = small(30_000)
        let escaped = String(repeating: #"\u0061"#, count: 29_000)
        #expect(try taken(#"{"last":"\#(escaped)"}"#, pieces: pieces, options) == nil)
        #expect(try taken(#"{"wBytes":"\#(String(repeating: "QUJD", count: 9_900))"}"#, pieces: pieces, options) == nil)
    }

    @Test("a string is the same wherever it is cut")
    func cutStrings() throws {
        let inside = #"\u0041é\"\\\/\b\n\uD83D\uDE00\ud83d\ude00€😀\u20ac\u00e9x"#
        let text = #"{"last":"\#(inside)"}"#
        let whole = try Translate.parse(text, as: Self.kitchen)
        for pieces in 1...text.utf8.count {
            #expect(try Translate.parse(text, as: Self.kitchen, pieces: pieces) == whole)
        }
    }

    @Test(
        "a broken escape is one wherever it is cut",
        arguments: [
            #"\u00"#, #"\uD83D"#, #"\uD83Dx"#, #"\uD83D\n"#, #"\uD83D\uD83D"#, #"\uDE00"#, #"\x"#, #"\u00g0"#,
            #"a\uD83D\u"#,
            #"\uD83D\u0041"#,
        ]
    )
    func brokenEscapes(inside: String) throws {
        let text = #"{"last":"\#(inside)"}"#
        let known = Translate.failure(text, as: Self.kitchen)
        #expect(known != nil)
        for pieces in 1...text.utf8.count {
            do {
                _ = try Translate.parse(text, as: Self.kitchen, pieces: pieces)
                Issue.record("in pieces of \(pieces)")
            } catch {
                #expect(error.description == known)
            }
        }
    }

    @Test("halves of characters are none, whatever escapes stand between them", arguments: 1...14)
    func halvesOfCharacters(pieces: Int) {
        for inside: [UInt8] in [
            [0xC3] + Array(#"\u0029"#.utf8), Array(#"\u00e9"#.utf8) + [0xA9],
            [0xE2, 0x82] + Array(#"\n"#.utf8) + [0xAC],
        ] {
            let text = Array(#"{"last":""#.utf8) + inside + Array(#""}"#.utf8)
            #expect(throws: TranscodingError.self) { try Translate.parse(text, as: Self.kitchen, pieces: pieces) }
        }
    }

    // MARK: - Depth

    @Test func `nesting is bounded, of messages, of values, of what is ignored`() {
        let deep = 100_000
        #expect(kind(repeated("[", deep)) == .value)
        #expect(kind(repeated(#"{"item":{"inner":"#, deep)) == .tooDeep)
        #expect(kind(Array(#"{"value":"#.utf8) + repeated("[", deep)) == .tooDeep)
        #expect(kind(Array(#"{"value":"#.utf8) + repeated(#"{"a":"#, deep)) == .tooDeep)
        var options = Fixture.options
        options.unknownFields = .ignore
        #expect(kind(Array(#"{"x":"#.utf8) + repeated("[", deep), options) == .tooDeep)
        #expect(kind(Array(#"{"any":{"x":"#.utf8) + repeated("[", deep)) == .tooDeep)
    }

    @Test func `what is nested as deep as the limit is fine`() throws {
        // The message, then 99 lists.
        #expect(kind(Array(#"{"value":"#.utf8) + repeated("[", 99, "1", "]") + [UInt8(ascii: "}")]) == nil)
        #expect(kind(Array(#"{"value":"#.utf8) + repeated("[", 100, "1", "]") + [UInt8(ascii: "}")]) == .tooDeep)
    }

    @Test func `values of type Any inside each other are bounded, wherever their type stands`() {
        for (front, back) in [
            (#"{"@type":"x/google.protobuf.Any","value":"#, "}"),
            (#"{"value":"#, #","@type":"x/google.protobuf.Any"}"#),
        ] {
            let text = { (count: Int) in
                Array(#"{"any":"#.utf8) + repeated(front, count, "{}", back) + [UInt8(ascii: "}")]
            }
            #expect(kind(text(7)) == nil)
            #expect(kind(text(8)) == .tooDeep)
            #expect(kind(text(60)) == .tooDeep)
        }
    }

    @Test func `printing is bounded in depth, also of groups and of what is unknown`() throws {
        var message: [UInt8] = []
        for _ in 0..<200 {
            var outer: [UInt8] = []
            message.withUnsafeBytes { outer.appendField(3, $0) }
            message = []
            outer.withUnsafeBytes { message.appendField(9, $0) }
        }
        let error = #expect(throws: TranscodingError.self) { try Translate.print(message, as: Self.kitchen) }
        #expect(error?.kind == .tooDeep)
        let group: [UInt8] = [0x9B, 0x06]
        let nested: [UInt8] = Array(repeatElement(group, count: 100_000).joined())
        #expect(throws: TranscodingError.self) { try Translate.print(nested, as: Self.kitchen) }
        let entries = [UInt8](repeating: 0x33, count: 50_000)
        #expect(throws: TranscodingError.self) { try Translate.print(entries, as: "sluice.legacy.Old") }
    }

    // MARK: - Size

    @Test func `a message is bounded in bytes, a text in tokens, whatever the pieces`() {
        let long = String(repeating: "a", count: 5000)
        let options = small(1000)
        for text in [
            #"{"last":"\#(long)"}"#, #"{"last":"\#(long)"#,
            #"{"texts":[\#(String(repeating: #""abcdefgh","#, count: 500))"#,
            #"{"aDouble":1\#(long)"#, #"{"items":[\#(String(repeating: "{},", count: 5000))"#,
            #"{"any":{"@type":"\#(long)"#, #"{"\#(long)":1"#, #"{"values":[\#(String(repeating: "[],", count: 5000))"#,
            #"{"ints":[\#(String(repeating: "1,", count: 5000))"#,
        ] {
            for size in [1, 64, 100_000] {
                let error = #expect(throws: TranscodingError.self) {
                    try Translate.parse(text, as: Self.kitchen, pieces: size, options: options)
                }
                #expect(error?.kind != nil)
                let isKnown = [.tooLarge, .syntax, .unknownField, .value].contains(error?.kind)
                #expect(isKnown, "\(error.map { "\($0)" } ?? "")")
            }
        }
        #expect(kind(#"{"last":"\#(long)"}"#.utf8, options) == .tooLarge)
        #expect(kind(#"{"last":"\#(String(repeating: "a", count: 900))"}"#.utf8, options) == nil)
    }

    @Test func `the limit is for each message of a stream, not for all of them`() throws {
        let text =
            "[" + repeatElement(#"{"last":"\#(String(repeating: "a", count: 900))"}"#, count: 50).joined(separator: ",")
            + "]"
        let messages = try Translate.parse(text, as: Self.kitchen, pieces: 100, streams: true, options: small(1000))
        #expect(messages.count == 50)
    }

    @Test func `a text that is much longer than its message is bounded`() throws {
        var options = small(1000)
        options.print.alwaysPrintPrimitiveFields = true
        // Items of two bytes, enum values of one.
        let colors = [0x8A, 1, 0x80, 0x10] + [UInt8](repeating: 0, count: 2048)
        for message in [repeated("\u{12}\u{0}", 400), colors] {
            let error = #expect(throws: TranscodingError.self) {
                try Translate.print(message, as: Self.kitchen, options: options)
            }
            #expect(error?.kind == .tooLarge)
        }
    }

    @Test func `a frame that says it is huge takes no room before it comes`() throws {
        var options = Fixture.options
        options.limits.message = 1 << 30
        let translator = try Calls(options).response("GET", "/v1/books/1")
        #expect(try translator.feed(ByteBuffer(bytes: [0, 0x3F, 0xFF, 0xFF, 0xFF, 1, 2, 3])).readableBytes == 0)
    }

    // MARK: - Time

    @Test func `many keys cost no more than their number`() throws {
        let keys = (0..<60_000).map { #""k\#($0)":1"# }.joined(separator: ",")
        let message = try #require(
            try Translate.parse(#"{"counts":{\#(keys)},"object":{\#(keys)}}"#, as: Self.kitchen).first
        )
        let text = try Translate.print(message, as: Self.kitchen)
        #expect(text.utf8.count > 1_000_000)
        #expect(kind(#"{"counts":{\#(keys),"k5":1}}"#.utf8) == .conflict)
    }

    @Test func `maps with doubled keys inside each other cost no more than their size`() throws {
        // Each level has its key twice; printing a level twice would double with each.
        var message: [UInt8] = []
        for _ in 0..<30 {
            var value: [UInt8] = []
            message.withUnsafeBytes { value.appendField(5, $0) }
            var entry: [UInt8] = [0x0A, 1, 0x61]
            value.withUnsafeBytes { entry.appendField(2, $0) }
            var structure: [UInt8] = []
            ([0x0A, 1, 0x61] as [UInt8]).withUnsafeBytes { structure.appendField(1, $0) }
            entry.withUnsafeBytes { structure.appendField(1, $0) }
            message = structure
        }
        var outer: [UInt8] = []
        message.withUnsafeBytes { outer.appendField(33, $0) }
        let text = try Translate.print(outer, as: Self.kitchen)
        #expect(text.hasPrefix(#"{"object":{"a":{"a":{"#))
    }

    @Test func `numbers of many digits and large exponents`() throws {
        let digits = String(repeating: "9", count: 100_000)
        for (text, isFine) in [
            (#"{"aDouble":0.\#(digits)}"#, true), (#"{"aDouble":\#(digits)}"#, false),
            (#"{"aDouble":1e\#(digits)}"#, false), (#"{"aDouble":0e\#(digits)}"#, true),
            (#"{"aDouble":1e-\#(digits)}"#, true), (#"{"anInt64":1e\#(digits)}"#, false),
            (#"{"anInt64":1e-\#(digits)}"#, false), (#"{"anInt64":0e\#(digits)}"#, true),
            (#"{"anInt64":\#(digits)}"#, false), (#"{"anInt64":0.\#(digits)}"#, false),
            (#"{"anInt64":1.\#(String(repeating: "0", count: 100_000))}"#, true),
            (#"{"aUint64":1844674407370955161.5e1}"#, true), (#"{"aUint64":18446744073709551616}"#, false),
            (#"{"aUint64":184467440737095516150e-1}"#, true), (#"{"aFloat":\#(digits)}"#, false),
        ] {
            let error = Translate.failure(text, as: "sluice.test.Scalars")
            #expect((error == nil) == isFine, "\(text.prefix(40)) \(error ?? "")")
        }
    }

    // MARK: - Anything

    /// Texts and messages that were fine, cut and changed at random: an error or a result, never a crash; and pieces
    /// make no difference.
    @Test func `mutated texts`() throws {
        var random = RandomSource(seed: 5)
        let alphabet = Array(#"{}[]",:\ue09-.tfn@ é"#.utf8) + [0xFF, 0x80, 0]
        for one in ParseGoldenTests.cases {
            for _ in 0..<12 {
                var text = Array(one.text.utf8)
                for _ in 0...random.below(3) where !text.isEmpty {
                    let at = Int(random.below(UInt64(text.count)))
                    switch random.below(4) {
                    case 0: text[at] = alphabet[Int(random.below(UInt64(alphabet.count)))]
                    case 1: text.remove(at: at)
                    case 2: text.insert(alphabet[Int(random.below(UInt64(alphabet.count)))], at: at)
                    default: text.removeLast(text.count - at)
                    }
                }
                let whole = Result { () throws(TranscodingError) in try Translate.parse(text, as: one.type) }
                let pieces = Result { () throws(TranscodingError) in
                    try Translate.parse(text, as: one.type, pieces: 1 + Int(random.below(4)))
                }
                #expect(whole == pieces, "\(String(decoding: text, as: UTF8.self))")
            }
        }
    }

    @Test func `mutated messages`() throws {
        var random = RandomSource(seed: 6)
        var printed = 0
        for one in PrintGoldenTests.cases where !one.binary.isEmpty {
            for _ in 0..<20 {
                var bytes = one.binary
                for _ in 0...random.below(3) where !bytes.isEmpty {
                    let at = Int(random.below(UInt64(bytes.count)))
                    switch random.below(3) {
                    case 0: bytes[at] = UInt8(random.below(256))
                    case 1: bytes.remove(at: at)
                    default: bytes.removeLast(bytes.count - at)
                    }
                }
                guard let text = try? Translate.print(bytes, as: one.type) else { continue }
                printed += 1
                let isJSON =
                    (try? JSONParser.parse(Array(text.utf8), limits: JSONLimits(bytes: 1 << 20, depth: 128))) != nil
                #expect(isJSON, "\(text)")
            }
        }
        #expect(printed > 1000)
    }

    @Test func `every prefix of a text and of a message`() throws {
        let one = try #require(ParseGoldenTests.cases.last { $0.text.count > 200 && $0.strict != nil })
        for count in 0..<one.text.utf8.count {
            let prefix = one.text.utf8.prefix(count)
            if count == 0 { continue }
            #expect(throws: TranscodingError.self) { try Translate.parse(prefix, as: one.type, pieces: 3) }
        }
        let message = try #require(one.strict)
        for count in message.indices { _ = try? Translate.print(Array(message.prefix(count)), as: one.type) }
    }
}
