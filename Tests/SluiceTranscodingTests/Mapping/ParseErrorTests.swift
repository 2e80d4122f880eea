import SluiceCore
import Testing

@testable import SluiceTranscoding

/// What an error says: where in the text, at which byte, and why.
@Suite struct ParseErrorTests {
    private static let int32 = "a whole number from -2147483648 to 2147483647"

    static let kitchen: [(String, String)] = [
        (
            #"{"items":[{"name":"a"},{"price":1},{},{"price":1e400}]}"#,
            "$.items[3].price: at byte 47: 1e400 is not a double"
        ),
        (#"{"counts":{"a":1,"b":"x"}}"#, #"$.counts["b"]: at byte 21: "x" is not \#(int32)"#),
        (#"{"counts":{"a":1,"a":2}}"#, #"$.counts["a"]: at byte 17: the key was given already"#),
        (
            #"{"byInt":{"1":"a","01":"b"}}"#,
            #"$.byInt["01"]: at byte 18: '01' is not a whole number from -9223372036854775808 to 9223372036854775807"#
        ),
        (#"{"byInt":{"1":"a","1.0":"b"}}"#, #"$.byInt["1.0"]: at byte 18: the key was given already"#),
        (#"{"object":{"a":{"b":1,"b":2}}}"#, #"$.object["a"]["b"]: at byte 22: the key was given already"#),
        (#"{"texts":["a","\ud800"]}"#, "$.texts[1]: at byte 15: half of a surrogate pair is no character"),
        (#"{"texts":["a",5]}"#, "$.texts[1]: at byte 14: 5 is not a string"),
        (#"{"blobs":["a"]}"#, #"$.blobs[0]: at byte 10: "a" is not base64"#),
        (#"{"itmes":[]}"#, "$: at byte 1: sluice.test.Kitchen has no field 'itmes'; did you mean 'items'?"),
        (
            #"{"items":[{"nmae":1}]}"#,
            "$.items[0]: at byte 11: sluice.test.Kitchen.Item has no field 'nmae'; did you mean 'name'?"
        ),
        (#"{"last":"a","last":"b"}"#, "$.last: at byte 12: the field was given already"),
        (#"{"text":"a","number":1}"#, "$.number: at byte 21: another field of the same oneof was given already"),
        (#"{"items":{}}"#, "$.items: at byte 9: an object is not a list"),
        (#"{"counts":[]}"#, "$.counts: at byte 10: a list is not a map, which is an object"),
        (#"{"scalars":5}"#, "$.scalars: at byte 11: 5 is not a sluice.test.Scalars, which is an object"),
        (#"{"items":[null]}"#, "$.items[0]: at byte 10: null is not a sluice.test.Kitchen.Item, which is an object"),
        (#"{"colors":["RED","BLUE"]}"#, #"$.colors[1]: at byte 17: "BLUE" is not a value of sluice.test.Color"#),
        (
            #"{"time":"yesterday"}"#,
            #"$.time: at byte 8: "yesterday" is not a time like 2006-01-02T15:04:05Z between the years 1 and 9999"#
        ),
        (#"{"span":"1h"}"#, #"$.span: at byte 8: "1h" is not a duration like 1.5s of at most 315576000000s"#),
        (#"{"mask":"a_b"}"#, #"$.mask: at byte 8: "a_b" is not a list of field names in lowerCamelCase"#),
        (#"{"any":{"a":1}}"#, #"$.any: at byte 7: an Any needs its type under "@type", as a string"#),
        (#"{"any":{"@type":"a/b"}}"#, "$.any: at byte 7: the type 'a/b' of this Any is not in the descriptor set"),
        (
            #"{"any":{"@type":"x/google.protobuf.Duration","valeu":"1s"}}"#,
            "$.any: at byte 45: an Any of type google.protobuf.Duration has no field 'valeu', only 'value'"
        ),
        (
            #"{"any":{"@type":"x/google.protobuf.Duration","value":"1"}}"#,
            #"$.any.value: at byte 53: "1" is not a duration like 1.5s of at most 315576000000s"#
        ),
        (
            #"{"any":{"x":1, "@type":"x/sluice.test.Scalars"}}"#,
            "$.any: at byte 8: sluice.test.Scalars has no field 'x'"
        ),
        (#"{"any":{"aBool":1, "@type":"x/sluice.test.Scalars"}}"#, "$.any.aBool: at byte 16: 1 is not a bool"),
        (#"{"any":{"@type":"x/a","@type":"x/b"}}"#, #"$.any: at byte 22: "@type" was given already"#),
    ]

    @Test(arguments: kitchen) func `an error names the path, the byte and the reason`(_ text: String, _ error: String) {
        #expect(Translate.failure(text, as: "sluice.test.Kitchen") == error)
    }

    static let syntax: [(String, String)] = [
        ("", "nothing"), ("{", "$: at byte 1: the text ends inside an object"),
        (#"{"aBool""#, "$.aBool: at byte 8: the text ends inside an object"),
        (#"{"aString":"abc"#, "$.aString: at byte 15: the text ends inside a string"),
        (#"{"aBool":tru}"#, "$.aBool: at byte 9: this is not JSON: 'tru'"),
        (#"{"aBool":true,}"#, "$: at byte 14: '}' where a name in quotes is expected"),
        (#"{"aBool":true "x":1}"#, "$: at byte 14: a string where ',' or '}' is expected"),
        (#"{"aBool" true}"#, "$.aBool: at byte 9: a word where ':' is expected"),
        (#"{"aBool"::true}"#, "$.aBool: at byte 9: ':' where a value is expected"),
        (#"{,}"#, "$: at byte 1: ',' where a name in quotes is expected"),
        ("{\"a_string\":\"a\tb\"}", "$.aString: at byte 14: a control character in a string must be escaped"),
        (#"{"aString":"\q"}"#, "$.aString: at byte 12: there is no such escape in JSON"),
        (#"{"aString":"ab\u12"}"#, #"$.aString: at byte 14: \u needs four hexadecimal digits"#),
        (#"{"aDouble":01}"#, "$.aDouble: at byte 11: 01 is not a number"),
        (#"{"aDouble":1.}"#, "$.aDouble: at byte 11: 1. is not a number"),
        (#"{"aDouble":NaN}"#, "$.aDouble: at byte 11: 'N' where a value is expected"),
        (#"{"aBool":true}}"#, "$: at byte 14: '}' where the end of the text is expected"),
        (#"{"aBool":true} {}"#, "$: at byte 15: '{' where the end of the text is expected"),
        (#"{"aBool":true]"#, "$: at byte 13: ']' where ',' or '}' is expected"),
        ("\u{FEFF}{}", "$: at byte 0: a byte of 239 where a value is expected"),
        (#"{"unknown":[1,}"#, "$: at byte 1: sluice.test.Scalars has no field 'unknown'"),
    ]

    @Test(arguments: syntax) func `what is not JSON is told with its place`(_ text: String, _ error: String) {
        if text.isEmpty {
            #expect(Translate.failure(text, as: "sluice.test.Scalars") == nil)
            return
        }
        #expect(Translate.failure(text, as: "sluice.test.Scalars") == error)
    }

    static let ignored: [String] = [
        #"{"x":[1,{"y":[]},"]"],"aBool":true}"#, #"{"x":"a","aBool":true,"y":{"z":{}}}"#, #"{"x":null,"aBool":true}"#,
    ]

    @Test(arguments: ignored) func `what is ignored has to be JSON all the same`(_ text: String) throws {
        var options = Fixture.options
        options.unknownFields = .ignore
        let type = "sluice.test.Scalars"
        let message = try Translate.parse(text, as: type, pieces: 1, options: options)
        #expect(message == [[0x68, 1]])
        for bad in [#"{"x":[1,]}"#, #"{"x":[01]}"#, #"{"x":{"a" 1}}"#, #"{"x":["\ud800"]}"#, #"{"x":[tru]}"#] {
            #expect(Translate.failure(bad, as: type, options: options) != nil, "\(bad)")
        }
    }

    @Test func `bytes that are not UTF-8 are refused, in names too`() {
        for bytes in [[0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]] {
            for (front, back) in [(#"{"aString":"x"#, #""}"#), (#"{""#, #"":1}"#)] {
                let text = Array(front.utf8) + bytes + Array(back.utf8)
                let error = #expect(throws: TranscodingError.self) {
                    try Translate.parse(text, as: "sluice.test.Scalars")
                }
                #expect(error?.reason == "the string is not UTF-8")
            }
        }
    }

    @Test func `names given twice are merged when asked for`() throws {
        var options = Fixture.options
        options.duplicates = .merge
        let text = #"{"last":"a","scalars":{"anInt32":1},"ints":[1],"ints":[2],"scalars":{"aBool":true},"last":"b"}"#
        let message = try #require(try Translate.parse(text, as: "sluice.test.Kitchen", options: options).first)
        let printed = try Translate.print(message, as: "sluice.test.Kitchen")
        #expect(printed == #"{"scalars":{"anInt32":1,"aBool":true},"ints":[1,2],"last":"b"}"#)
    }

    @Test func `enum values in any case when asked for`() throws {
        var options = Fixture.options
        options.caseInsensitiveEnums = true
        let type = "sluice.test.Scalars"
        #expect(try Translate.parse(#"{"aColor":"green"}"#, as: type, options: options) == [[0x80, 1, 2]])
        #expect(Translate.failure(#"{"aColor":"grey"}"#, as: type, options: options) != nil)
    }

    @Test func `what a peer sends stands in an error in short and without control characters`() {
        let text = #"{"aBool":""# + String(repeating: "\\n", count: 100) + #""}"#
        let error = Translate.failure(text, as: "sluice.test.Scalars")
        #expect(error == "$.aBool: at byte 9: \"" + String(repeating: "?", count: 40) + "...\" is not a bool")
    }
}
