import SluiceCore
import Testing

@testable import SluiceHTTP

/// One line as text, with where the next begins.
private enum Line: Equatable {
    case field(String, String, next: Int)
    case end(Int)
    case incomplete
    case invalid(GatewayError)
}

private func line(_ bytes: String, from start: Int = 0) -> Line {
    wire(bytes).withUnsafeBytes { all in
        func part(_ range: ByteRange) -> String { text(all[Int(range.start)..<range.end]) }
        return switch FieldParser.line(all, from: start) {
        case .field(let name, let value, let next): .field(part(name), part(value), next: next)
        case .end(let next): .end(next)
        case .incomplete: .incomplete
        case .invalid(let error): .invalid(error)
        }
    }
}

@Suite("One header line (RFC 9112, section 5)")
struct FieldParserTests {
    @Test("a name ends before the first byte that is no token, wherever that is and whatever stands around it")
    func endOfName() {
        for byte in UInt8.min ... .max {
            for count in 1...20 {
                for place in 0..<count {
                    for other in "-_z" {
                        var bytes = [UInt8](repeating: other.asciiValue ?? 0, count: count)
                        bytes[place] = byte
                        let end = bytes.withUnsafeBytes { FieldParser.endOfName($0, from: 0) }
                        #expect(end == (ASCII.isToken(byte) ? count : place))
                    }
                }
            }
        }
    }

    @Test("a field, its value without the white space around it")
    func field() {
        #expect(line("A: b\r\n") == .field("A", "b", next: 6))
        #expect(line("A:b\r\n") == .field("A", "b", next: 5))
        #expect(line("A: \t b c\t \r\nrest") == .field("A", "b c", next: 12))
        #expect(line("A:\r\n") == .field("A", "", next: 4))
        #expect(line("A: \t \r\n") == .field("A", "", next: 7))
        #expect(line("A:::\r\n") == .field("A", "::", next: 6))
        #expect(line("xxA: b\r\n", from: 2) == .field("A", "b", next: 8))
    }

    @Test("the end of the section")
    func end() {
        #expect(line("\r\nrest") == .end(2))
        #expect(line("A: b\r\n\r\n", from: 6) == .end(8))
    }

    @Test(
        "unfinished lines, and starts beyond the end",
        arguments: [
            "", "\r", "A", "A:", "A: ", "A: b", "A: b\r", "A: b ", "A\r",
        ]
    )
    func incomplete(bytes: String) {
        #expect(line(bytes) == .incomplete)
        #expect(line(bytes, from: bytes.utf8.count) == .incomplete)
        #expect(line(bytes, from: bytes.utf8.count + 100) == .incomplete)
    }

    @Test("each byte in a name: a token byte, the colon, or a mistake", arguments: 0...255)
    func nameByte(byte: Int) {
        let byte = UInt8(byte)
        let found = line("a\(text([byte]))z: v\r\n")
        switch byte {
        case 0x3A: #expect(found == .field("a", "z: v", next: 8))
        case 0x0A: #expect(found == .invalid(.bareLineFeed))
        case 0x0D: #expect(found == .invalid(.bareCarriageReturn))
        default:
            let token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
            let isToken = token.utf8.contains(byte)
            #expect(found == (isToken ? .field("a\(text([byte]))z", "v", next: 8) : .invalid(.badFieldName)))
        }
    }

    @Test("each byte in a value, at each place of a step of eight", arguments: 0...255)
    func valueByte(byte: Int) {
        let byte = UInt8(byte)
        for lead in 0...8 {
            let before = String(repeating: "x", count: lead)
            let found = line("A:\(before)\(text([byte]))yyyyyyyyyz\r\n")
            switch byte {
            case 0x0A: #expect(found == .invalid(.bareLineFeed))
            case 0x0D: #expect(found == .invalid(.bareCarriageReturn))
            case 0x00...0x08, 0x0B...0x1F, 0x7F: #expect(found == .invalid(.badFieldValue))
            default:
                let isSpace = lead == 0 && (byte == 0x20 || byte == 0x09)
                #expect(
                    found == .field("A", isSpace ? "yyyyyyyyyz" : "\(before)\(text([byte]))yyyyyyyyyz", next: lead + 15)
                )
            }
        }
    }

    @Test("the end of a value is found wherever it lies, and nothing behind it is read")
    func endOfValue() {
        for count in 0...40 {
            for tail in ["\r\n", "\u{7F}", "\u{0}", "\n", ""] {
                for fill in ["v", "\u{FF}", "\t", " ", "\u{80}"] {
                    let bytes = wire(String(repeating: fill, count: count) + tail)
                    #expect(bytes.withUnsafeBytes { FieldParser.endOfValue($0, from: 0) } == count)
                    #expect(bytes.withUnsafeBytes { FieldParser.endOfValue($0, from: count / 2) } == count)
                }
            }
        }
    }

    @Test("an unfinished line that only grew is known as such, however it was cut")
    func progress() {
        let bytes = wire("x\r\nName: value \t more")
        for first in 4..<bytes.count {
            var progress = LineProgress()
            bytes[..<first].withUnsafeBytes { progress.note($0, from: 3) }
            let grewAt = (first...bytes.count).filter { end in
                bytes[..<end].withUnsafeBytes { progress.onlyGrew($0) }
            }
            // A name grows up to its colon, which is 7; then all that is known is forgotten.
            #expect(grewAt == Array(first...(first <= 7 ? 7 : bytes.count)), "cut at \(first)")
        }
    }

    @Test("what is no longer just name or value is read again", arguments: ["\r", "\n", "\u{0}", "\u{7F}"])
    func progressEnds(next: String) {
        let bytes = wire("Name: value\(next)")
        var progress = LineProgress()
        bytes.dropLast().withUnsafeBytes { progress.note($0, from: 0) }
        #expect(bytes.dropLast().withUnsafeBytes { progress.onlyGrew($0) })
        #expect(!bytes.withUnsafeBytes { progress.onlyGrew($0) })
        #expect(!bytes.withUnsafeBytes { progress.onlyGrew($0) }, "and stays so until it is noted again")
        progress.reset(bytes)
        #expect(!bytes.withUnsafeBytes { progress.onlyGrew($0) })
    }
}

extension LineProgress {
    fileprivate mutating func reset(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { note($0, from: 0) }
    }
}

@Suite("Fields that frame a message")
struct FramingFieldsTests {
    /// Notes fields one after the other; the first error ends it.
    private func note(_ fields: [(FieldName, String)]) -> (FramingFields, GatewayError?) {
        var framing = FramingFields()
        for (index, field) in fields.enumerated() {
            let place = ByteRange(start: index * 100, count: field.1.utf8.count)
            if let error = wire(field.1).withUnsafeBytes({ framing.note(field.0, $0, at: place) }) {
                return (framing, error)
            }
        }
        return (framing, nil)
    }

    @Test("a length")
    func length() {
        #expect(note([(.contentLength, "42")]).0.contentLength == 42)
        #expect(!note([(.contentLength, "42")]).0.lengthIsRepeated)
        #expect(note([(.contentLength, "42"), (.contentLength, "042")]).0.lengthIsRepeated)
        #expect(note([(.contentLength, "42"), (.contentLength, "43")]).1 == .conflictingContentLength)
        #expect(note([(.contentLength, "")]).1 == .badContentLength)
        #expect(note([(.contentLength, "9999999999999999999")]).0.contentLength == 9_999_999_999_999_999_999)
        #expect(note([(.contentLength, "00000000000000000000")]).1 == .badContentLength)
    }

    @Test("hosts are counted and the last one's place is kept")
    func host() {
        let framing = note([(.host, "a"), (.host, "bcd")]).0
        #expect(framing.hostCount == 2)
        #expect(framing.host == ByteRange(start: 100, count: 3))
    }

    @Test("connection options, over several lines")
    func connection() {
        let framing = note([
            (.connection, "Keep-Alive, , x"), (.connection, "upGRADE"), (.upgrade, "h2c"), (.expect, "x"),
        ]).0
        #expect(framing.connectionKeepAlive)
        #expect(framing.connectionUpgrade)
        #expect(!framing.connectionClose)
        #expect(framing.nominates)
        #expect(framing.sawUpgrade)
        #expect(framing.sawExpect)
        #expect(!note([(.connection, "close, keep-alive, upgrade,,")]).0.nominates)
    }

    @Test("other fields say nothing of framing")
    func others() {
        for name in FieldName.allCases
        where ![.contentLength, .transferEncoding, .connection, .upgrade, .host, .expect].contains(name) {
            let (framing, error) = note([(name, "chunked, close, 5")])
            #expect(error == nil)
            #expect(
                framing.contentLength == nil && !framing.sawTransferEncoding && framing.hostCount == 0
                    && !framing.nominates
            )
        }
    }

    @Test("a reset forgets all of it")
    func reset() {
        var framing = note([
            (.contentLength, "1"), (.contentLength, "1"), (.transferEncoding, "chunked"), (.connection, "close, x"),
            (.host, "a"),
        ]).0
        framing.reset()
        #expect(framing.contentLength == nil)
        #expect(
            !framing.lengthIsRepeated && !framing.sawTransferEncoding && !framing.connectionClose && !framing.nominates
        )
        #expect(framing.hostCount == 0)
    }

    @Test(
        "lists are cut at every comma and trimmed",
        arguments: [
            ("", [""]), (",", ["", ""]), ("a", ["a"]), (" a , b\t,,c ", ["a", "b", "", "c"]), ("a,", ["a", ""]),
            ("\"a,b\"", ["\"a", "b\""]),
        ]
    )
    func lists(value: String, items: [String]) {
        var found: [String] = []
        wire(value).withUnsafeBytes { FieldList.forEach($0) { found.append(text($0)) } }
        #expect(found == items)
    }
}
