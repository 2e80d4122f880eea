import SluiceCore
import Testing

@testable import SluiceTranscoding

/// Messages that no library writes but the wire allows, and what JSON has no form for.
@Suite struct PrintTests {
    private static let kitchen = "sluice.test.Kitchen"

    private func print(_ hex: String, _ options: TranscodingOptions = Fixture.options) throws -> String {
        try Translate.print(Hex.bytes(hex), as: Self.kitchen, options: options)
    }

    private func failure(_ hex: String, _ options: TranscodingOptions = Fixture.options) -> String? {
        do {
            _ = try print(hex, options)
            return nil
        } catch {
            return "\(error)"
        }
    }

    static let odd: [(String, String)] = [
        // The last of a scalar counts; an unpacked list may be in parts, packed ones too, and mixed.
        ("58 01 58 02", #"{"maybe":2}"#),
        ("6a 02 01 02 58 05 6a 01 03 68 04", #"{"maybe":5,"ints":[1,2,3,4]}"#),
        ("70 01 58 05 70 02 72 02 03 04", #"{"maybe":5,"loose":[1,2,3,4]}"#),
        // Parts of a message are one message: the second sets what the first did not.
        ("0a 02 18 01 58 05 0a 02 68 01", #"{"scalars":{"anInt32":1,"aBool":true},"maybe":5}"#),
        ("0a 02 18 01 0a 02 18 02", #"{"scalars":{"anInt32":2}}"#),
        // Fields out of order.
        ("58 01 0a 02 18 01", #"{"scalars":{"anInt32":1},"maybe":1}"#),
        // Of a oneof the last counts; what an item was before a text came is gone.
        ("3a 01 61 40 05", #"{"number":5}"#),
        ("40 05 3a 01 61", #"{"text":"a"}"#),
        ("4a 03 0a 01 61 3a 01 62 4a 09 11 00 00 00 00 00 00 f0 3f", #"{"item":{"price":1}}"#),
        // Maps: the last of a key counts, in its place; a missing key or value is the default.
        ("1a 05 0a 01 61 10 01 1a 05 0a 01 62 10 02 1a 05 0a 01 61 10 03", #"{"counts":{"b":2,"a":3}}"#),
        ("1a 00", #"{"counts":{"":0}}"#), ("1a 02 10 05", #"{"counts":{"":5}}"#), ("32 00", #"{"byName":{"":{}}}"#),
        ("1a 07 10 01 0a 01 61 10 02 1a 02 10 05", #"{"counts":{"a":2,"":5}}"#),
        // Unknown fields and groups, and known fields with another wire type, are not there.
        ("98 06 01 9b 06 08 01 a3 06 a4 06 9c 06 58 01", #"{"maybe":1}"#), ("5a 01 61", "{}"), ("08 01", "{}"),
        // Numbers longer than they need to be, and of more bits than their type has.
        ("58 81 80 80 80 80 80 80 80 80 00", #"{"maybe":1}"#), ("58 ff ff ff ff 1f", #"{"maybe":-1}"#),
        ("58 ff ff ff ff ff ff ff ff ff 7f", #"{"maybe":-1}"#),
        // A value without any kind, and an enum without a name.
        ("92 02 00", #"{"value":null}"#), ("8a 01 02 01 63", #"{"colors":["RED",99]}"#),
        ("a2 02 00", #"{"any":{}}"#),
    ]

    @Test(arguments: odd) func `what the wire may say in other ways`(_ hex: String, _ text: String) throws {
        #expect(try print(hex) == text.split(separator: "\n").joined())
    }

    static let malformed: [(String, String)] = [
        ("58", "$: a number is cut short"), ("58 80", "$: a number is cut short"),
        ("58 80 80 80 80 80 80 80 80 80 80 00", "$: a number has more than ten bytes"),
        ("0a 05 18", "$: a length is beyond the end of its message"),
        ("0a ff ff ff ff ff ff ff ff ff 01", "$: a length is beyond the end of its message"),
        ("0a 01 18", "$.scalars: a number is cut short"), ("00", "$: a field's tag is malformed"),
        ("06 00", "$: a field's tag is malformed"), ("ff ff ff ff 7f 00", "$: a field's tag is malformed"),
        ("0c", "$: a group ends that did not begin"), ("9b 06", "$: a group does not end"),
        ("9b 06 a4 06", "$: a group ends that did not begin"), ("0d 00", "$: a number is cut short"),
        ("09 00 00", "$: a number is cut short"), ("6a 01 80", "$.ints: a number is cut short"),
        ("8a 01 01 80", "$.colors: a number is cut short"),
        ("92 01 04 00 00 00 00", "$.doubles: a number is cut short"),
        ("7a 01 ff", "$.texts: a string is not UTF-8"), ("7a 03 ed a0 80", "$.texts: a string is not UTF-8"),
        ("1a 04 0a 01 ff 10", "$.counts: a number is cut short"),
    ]

    @Test(arguments: malformed) func `what is malformed is an error`(_ hex: String, _ error: String) {
        #expect(failure(hex) == error)
    }

    static let unprintable: [(String, String)] = [
        ("f2 01 06 08 ff d5 f4 c3 e6 ff", ""),
        ("f2 01 07 08 80 dc dc fe f6 3d", ""),
        (
            "92 02 09 11 00 00 00 00 00 00 f8 7f",
            "$.value: a google.protobuf.Value cannot be NaN or infinite in JSON"
        ),
        (
            "a2 02 05 0a 03 61 2f 62",
            "$.any: the type 'a/b' of an Any is not in the descriptor set"
        ),
        ("82 02 05 0a 03 61 5f 41", "$.mask: the path 'a_A' has no form in lowerCamelCase"),
        ("f2 01 02 10 ff", ""),
        ("fa 01 04 08 01 10 81", ""),
    ]

    @Test(arguments: unprintable) func `what JSON has no form for is an error`(_ hex: String, _ error: String) {
        let found = failure(hex)
        #expect(found != nil)
        if !error.isEmpty { #expect(found == error) }
    }

    @Test func `times out of range are errors that tell them`() {
        var time: [UInt8] = []
        time.appendTag(1, .varint)
        time.appendVarint(253_402_300_800)
        var message: [UInt8] = []
        time.withUnsafeBytes { message.appendField(30, $0) }
        #expect(
            failure(Hex.text(message))
                == "$.time: 253402300800 seconds and 0 nanoseconds are not a time between the years 1 and 9999"
        )
        var span: [UInt8] = []
        span.appendTag(1, .varint)
        span.appendVarint(1)
        span.appendTag(2, .varint)
        span.appendVarint(UInt64(bitPattern: -1))
        message = []
        span.withUnsafeBytes { message.appendField(31, $0) }
        #expect(
            failure(Hex.text(message))
                == "$.span: 1 seconds and -1 nanoseconds are not a duration of at most 10,000 years"
        )
    }

    @Test func `an Any of unknown type can be printed as base64`() throws {
        var options = Fixture.options
        options.unresolvedAny = .base64
        #expect(
            try print("a2 02 09 0a 03 61 2f 62 12 02 01 02", options) == #"{"any":{"@type":"a/b","value":"AQI="}}"#
        )
    }

    @Test func `wrappers, lists and maps print their defaults`() throws {
        #expect(try print("d2 02 00") == #"{"wInt64":"0"}"#)
        #expect(try print("fa 02 00") == #"{"wString":""}"#)
        #expect(try print("9a 02 00") == #"{"list":[]}"#)
        #expect(try print("8a 02 00") == #"{"object":{}}"#)
    }
}
