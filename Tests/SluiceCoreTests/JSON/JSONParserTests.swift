import SluiceCore
import Testing

@Suite struct JSONParserTests {
    private func parse(_ text: String, _ limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
        try JSONParser.parse(Array(text.utf8), limits: limits)
    }

    private func problem(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONError.Kind? {
        problem(Array(text.utf8), limits)
    }

    private func problem(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONError.Kind? {
        do throws(JSONError) { _ = try JSONParser.parse(bytes, limits: limits) } catch { return error.kind }
        return nil
    }

    @Test func readsEveryKindOfValue() throws {
        let value = try parse(" {\"a\" : [null, true,false , -1.5e+2, \"x\"],\t\"b\":{}, \"c\":[ ]\r\n} ")
        let members = try #require(value.object?.members)
        #expect(members.map { String(decoding: $0.name, as: UTF8.self) } == ["a", "b", "c"])
        #expect(
            value.object?["a"]?.items == [
                .null, .bool(true), .bool(false), .number(try #require(try parse("-1.5e+2").number)), .string([0x78]),
            ]
        )
        #expect(value.object?["b"] == .object(JSONObject([])))
        #expect(value.object?["c"] == .array([]))
        #expect(value.object?["d"] == nil)
    }

    @Test(arguments: ["null", "true", "false", "0", "-0", "1e1", "0.5", "\"\"", "[]", "{}"])
    func anyValueIsAText(_ text: String) {
        #expect(problem(text) == nil)
    }

    static let notJSON = [
        "", " ", "nul", "nulll", "True", "NaN", "Infinity", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x10", "1_000",
        "'a'",
        "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\u{1}\"", "\"\n\"", "[1,]", "[,1]", "[1 2]", "[1", "]",
        "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "{\"a\":1", "{} {}", "[] x", "//c\n1", "/**/1",
        "\u{FEFF}1",
        "\u{A0}1", "1\u{0}", "{1:2}", "\"\\",
    ]

    @Test(arguments: notJSON)
    func refusesWhatIsNotJSON(_ text: String) {
        #expect(problem(text) == .syntax)
    }

    @Test func resolvesEscapes() throws {
        let text = try parse(#""\"\\\/\b\f\n\r\tA\u00e9\u20AC\uD83D\uDE00 é😀\u0000""#).text
        #expect(text == Array("\"\\/\u{8}\u{C}\n\r\tAé€😀 é😀\u{0}".utf8))
    }

    static let notUTF8: [[UInt8]] = [
        [0x80], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0x41, 0xE2, 0x82],
    ]

    @Test(arguments: notUTF8)
    func refusesTextsThatAreNotUTF8(_ bytes: [UInt8]) {
        #expect(problem([0x22] + bytes + [0x22]) == .encoding)
        #expect(problem([0x7B, 0x22] + bytes + Array("\":1}".utf8)) == .encoding)
    }

    @Test(arguments: [
        #""\uD83D""#, #""\uD83Dx""#, #""\uDE00""#, #""\uD83D\u0041""#, #""\uD83D\n""#, #""\uDE00\uD83D""#,
    ])
    func refusesHalfOfASurrogatePair(_ text: String) {
        #expect(problem(text) == .encoding || problem(text) == .syntax)
    }

    static let doubles = [
        #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"a":1,"a":2}}]"#, #"{"":1,"":2}"#,
    ]

    @Test(arguments: doubles)
    func refusesANameThatIsThereTwice(_ text: String) {
        #expect(problem(text) == .duplicateName)
    }

    @Test func findsDoublesInLargeObjectsToo() throws {
        let members = (0..<5000).map { "\"n\($0)\":\($0)" }
        let value = try parse("{\(members.joined(separator: ","))}")
        #expect(value.object?.members.count == 5000)
        #expect(value.object?["n4999"]?.number?.integer == 4999)
        for name in ["n0", "n15", "n16", "n4999"] {
            #expect(problem("{\(members.joined(separator: ",")),\"\(name)\":0}") == .duplicateName)
        }
        // The same name in another object is another name.
        #expect(problem(#"{"a":{"a":{"a":1}},"b":{"a":1}}"#) == nil)
    }

    @Test func boundsBytesDepthAndValues() {
        let limits = JSONLimits(bytes: 20, depth: 3, values: 5)
        #expect(problem("[[[]]]", limits) == nil)
        #expect(problem("[[[[]]]]", limits) == .tooDeep)
        #expect(problem("[{\"a\":[{}]}]", limits) == .tooDeep)
        #expect(problem("[[],[],[[]]]", limits) == nil)
        #expect(problem("[1,2,3,4]", limits) == nil)
        #expect(problem("[1,2,3,4,5]", limits) == .tooManyValues)
        #expect(problem("\"aaaaaaaaaaaaaaaaaa\"", limits) == nil)
        #expect(problem("\"aaaaaaaaaaaaaaaaaaa\"", limits) == .tooLarge)
    }

    @Test func aMillionBracketsAreRefusedAtTheLimit() {
        let limits = JSONLimits(bytes: 1 << 21)
        #expect(problem([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20), limits) == .tooDeep)
        #expect(problem(String(repeating: "{\"a\":", count: 200_000), limits) == .tooDeep)
        #expect(problem(String(repeating: "9", count: 1000)) == .tooLarge)
    }

    @Test func saysWhere() throws {
        do throws(JSONError) {
            _ = try parse(#"{"a":1,"a":2}"#)
            Issue.record("no error")
        } catch {
            #expect(error.kind == .duplicateName)
            #expect(error.offset == 7)
        }
    }

    @Test func anyBytesAreAnErrorOrAValue() throws {
        var random = RandomSource(seed: 41)
        let seed = Array(#"{"keys":[{"kty":"RSA","n":"A\u0041","e":1.5e3,"x":[null,true,{"y":"é"}]}],"z":-0.1}"#.utf8)
        var good = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0...random.below(3) {
                let at = Int(random.below(UInt64(bytes.count)))
                switch random.below(3) {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: at)
                default: bytes.insert(bytes[Int(random.below(UInt64(bytes.count)))], at: at)
                }
            }
            if problem(bytes) == nil { good += 1 }
        }
        #expect(good > 100 && good < 15_000)
    }
}
