import NIOCore
import SluiceCore
import Testing

@Suite("Header table")
struct HeaderTableTests {
    @Test(
        "Bytes in memory become the same field as a collection",
        arguments: [("TE", "trailers"), ("x", ""), ("", "y")]
    )
    func appendedBytes(name: String, value: String) {
        var table = HeaderTable.received("A: b\r\n")
        var expected = table
        for _ in 0..<20 {
            expected.append(name: name.utf8, value: value.utf8)
            Array(name.utf8).withUnsafeBytes { name in
                Array(value.utf8).withUnsafeBytes { table.append(name: name, value: $0) }
            }
        }
        #expect(table.written == expected.written)
        #expect(table.present == expected.present)
        #expect(table.entries.map(\.name) == expected.entries.map(\.name))
        #expect(table.entries.map(\.valueRange) == expected.entries.map(\.valueRange))
    }

    @Test("Trailers are empty when every field was removed")
    func emptyTrailers() {
        let trailers = Trailers(HeaderTable.received("A: b\r\nVia: c\r\n"))
        #expect(!trailers.isEmpty)
        trailers.fields.removeEntry(at: 0)
        #expect(!trailers.isEmpty)
        trailers.fields.removeEntry(at: 1)
        #expect(trailers.isEmpty)
        #expect(Trailers().isEmpty)
    }

    // MARK: Reading

    @Test("A received field is found by its interned name, in any case")
    func interned() {
        let table = HeaderTable.received("hOST: a.example\r\nAccept:  */* \r\n")
        #expect(table.has(.host))
        #expect(table.text(.host) == "a.example")
        #expect(table.text(.accept) == "*/*")
        #expect(!table.has(.cookie))
        #expect(table.value(of: .cookie) == nil)
    }

    @Test("A field that is not well known is found by its lower-case bytes")
    func byBytes() throws {
        let table = HeaderTable.received("X-Canary: 1\r\nX-CANARY: 2\r\nx-canar: 3\r\n")
        let first = try #require(table.firstIndex(ofLowercased: Array("x-canary".utf8)))
        #expect(table.string(table.entries[first].valueRange) == "1")
        let second = try #require(table.firstIndex(ofLowercased: Array("x-canary".utf8), from: first + 1))
        #expect(table.string(table.entries[second].valueRange) == "2")
        #expect(table.firstIndex(ofLowercased: Array("x-canary".utf8), from: second + 1) == nil)
    }

    @Test("Looking for a well-known name by its bytes finds the same entry")
    func byBytesOfWellKnown() {
        let table = HeaderTable.received("A: 1\r\nCookie: c\r\n")
        #expect(table.firstIndex(ofLowercased: Array("cookie".utf8)) == 1)
        #expect(table.firstIndex(of: .cookie) == 1)
    }

    @Test("Repeated fields come one after the other, in order")
    func repeated() {
        let table = HeaderTable.received("Via: 1\r\nA: x\r\nVia: 2\r\n")
        #expect(table.firstIndex(of: .via) == 0)
        #expect(table.firstIndex(of: .via, from: 1) == 2)
        #expect(table.firstIndex(of: .via, from: 3) == nil)
        #expect(table.firstIndex(of: .via, from: 300) == nil)
    }

    @Test("An empty value and a missing field are different things")
    func emptyValue() {
        let table = HeaderTable.received("Accept:\r\n")
        #expect(table.has(.accept))
        #expect(table.text(.accept) == "")
    }

    @Test(
        "A range that reaches beyond the bytes gives none",
        arguments: [(0, 23), (22, 1), (21, 2), (1000, 0), (0, 1000)]
    )
    func impossibleRange(start: Int, count: Int) {
        let table = HeaderTable.received("A: b\r\n")
        #expect(table.bytes.readableBytes == 22)
        #expect(table.withBytes(ByteRange(start: start, count: count)) { $0.count } == 0)
        #expect(table.withBytes(ByteRange(start: UInt32.max, count: .max)) { $0.count } == 0)
        #expect(table.withBytes(ByteRange(start: 21, count: 1)) { Array($0) } == [0x0A])
    }

    @Test("Bytes that are not UTF-8 become text without a trap")
    func notUTF8() {
        var table = HeaderTable()
        table.append(.server, value: [0xFF, 0x41])
        #expect(table.text(.server) == "\u{FFFD}A")
    }

    // MARK: Writing

    static let lines = ["HOST: a\r\n", "x-B:  b \t\r\n", "Accept:\r\n", "Cookie:c\r\n"]

    @Test("What nobody touched goes out byte for byte: case, order and white space")
    func untouched() {
        #expect(HeaderTable.received(Self.lines.joined()).written == Self.lines.joined())
        #expect(HeaderTable.received("").written == "")
        #expect(HeaderTable().written == "")
    }

    @Test("A removed line leaves the others as they came", arguments: 0..<4)
    func removedLine(index: Int) {
        var table = HeaderTable.received(Self.lines.joined())
        table.removeEntry(at: index)
        var expected = Self.lines
        expected.remove(at: index)
        #expect(table.written == expected.joined())
        #expect(table.count == 3)
    }

    @Test("Added fields come last, in the order of adding")
    func added() {
        var table = HeaderTable.received("Host: a\r\n")
        table.append(name: "X-One".utf8, value: "1".utf8)
        table.append(.via, value: "1.1 sluice".utf8)
        #expect(table.written == "Host: a\r\nX-One: 1\r\nVia: 1.1 sluice\r\n")
        #expect(table.text(.via) == "1.1 sluice")
        #expect(table.firstIndex(ofLowercased: Array("x-one".utf8)) == 1)
    }

    @Test("Stored loose bytes are readable and never sent")
    func stored() {
        var table = HeaderTable.received("Host: a\r\n")
        let range = table.store("/new/path".utf8)
        table.append(.accept, value: "*/*".utf8)
        #expect(table.string(range) == "/new/path")
        #expect(table.written == "Host: a\r\nAccept: */*\r\n")
    }

    @Test("Replacing is removing and adding")
    func replaced() {
        var table = HeaderTable.received("Host: a\r\nAccept: x\r\nHost: b\r\n")
        table.remove(.host)
        table.append(.host, value: "c".utf8)
        #expect(table.written == "Accept: x\r\nHost: c\r\n")
        #expect(table.text(.host) == "c")
    }

    // MARK: Removing

    @Test("All fields of a name go, and the name is absent afterwards")
    func removedName() {
        var table = HeaderTable.received("Via: 1\r\nA: x\r\nvia: 2\r\n")
        table.remove(.via)
        #expect(!table.has(.via))
        #expect(table.firstIndex(of: .via) == nil)
        #expect(table.written == "A: x\r\n")
    }

    @Test("Removing by bytes takes every spelling and nothing else")
    func removedBytes() {
        var table = HeaderTable.received("X-A: 1\r\nx-ab: 2\r\nx-a: 3\r\nHost: h\r\nX-A: 4\r\n")
        table.remove(lowercased: Array("x-a".utf8))
        table.remove(lowercased: Array("host".utf8))
        table.remove(lowercased: Array("not-there".utf8))
        #expect(table.written == "x-ab: 2\r\n")
        #expect(table.count == 1)
    }

    @Test("Removing an entry that is not there changes nothing", arguments: [-1, 1, .max])
    func removedNowhere(index: Int) {
        var table = HeaderTable.received("Host: a\r\n")
        table.removeEntry(at: index)
        #expect(table.count == 1)
    }

    @Test("Removing one of two same fields leaves the other findable")
    func removedOneOfTwo() {
        var table = HeaderTable.received("Via: 1\r\nVia: 2\r\n")
        table.removeEntry(at: 0)
        #expect(table.text(.via) == "2")
        #expect(table.has(.via))
    }

    // MARK: Reuse

    @Test("A reset table remembers nothing of the request before")
    func reset() {
        var table = HeaderTable.received("Host: secret\r\nX-A: 1\r\n")
        table.reset()
        #expect(!table.has(.host))
        #expect(table.firstIndex(ofLowercased: Array("x-a".utf8)) == nil)
        #expect(table.written == "")
        table.append(.accept, value: "x".utf8)
        #expect(table.written == "Accept: x\r\n")
    }

    @Test("A copy does not see later edits")
    func valueSemantics() {
        let table = HeaderTable.received("Host: a\r\n")
        var copy = table
        copy.remove(.host)
        copy.append(.via, value: "1".utf8)
        #expect(table.written == "Host: a\r\n")
        #expect(copy.written == "Via: 1\r\n")
    }

    @Test("Random edits agree with a list of lines")
    func againstModel() throws {
        var random = RandomSource(seed: 7)
        let names = ["Host", "Via", "X-A", "x-b", "Cookie"]
        for _ in 0..<300 {
            var model = (0..<random.below(6)).map { _ in (names[Int(random.below(5))], "v\(random.below(100))") }
            var table = HeaderTable.received(model.map { "\($0.0): \($0.1)\r\n" }.joined())
            for _ in 0..<random.below(8) {
                let name = names[Int(random.below(5))]
                if random.below(2) == 0 {
                    table.remove(lowercased: Array(name.lowercased().utf8))
                    model.removeAll { $0.0 == name }
                } else {
                    table.append(name: name.utf8, value: "new".utf8)
                    model.append((name, "new"))
                }
                try #require(table.written == model.map { "\($0.0): \($0.1)\r\n" }.joined())
                try #require(table.count == model.count)
                try #require(table.has(.via) == model.contains { $0.0 == "Via" })
            }
        }
    }
}

extension HeaderTable {
    /// A table as a parser leaves it: a start line in front, then these field lines.
    fileprivate static func received(_ lines: String) -> HeaderTable {
        var table = HeaderTable()
        var offset = table.bytes.writeString("GET / HTTP/1.1\r\n")
        for line in lines.utf8.split(separator: UInt8(ascii: "\n")) {
            let bytes = Array(line) + [UInt8(ascii: "\n")]
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? 0
            let value = bytes.withUnsafeBytes { line -> ByteRange in
                let rest = UnsafeRawBufferPointer(rebasing: line[(colon + 1)..<(line.count - 2)])
                let trimmed = ASCII.trimmed(rest)
                let lead = rest.prefix { $0 == 0x20 || $0 == 0x09 }.count
                return ByteRange(start: offset + colon + 1 + lead, count: trimmed.count)
            }
            table.appendReceived(
                name: bytes[..<colon].withUnsafeBytes { FieldName.intern($0) },
                nameRange: ByteRange(start: offset, count: colon),
                valueRange: value
            )
            offset += table.bytes.writeBytes(bytes)
        }
        return table
    }

    fileprivate func text(_ name: FieldName) -> String? { value(of: name).map { string($0) } }

    fileprivate var written: String {
        var out = ByteBuffer()
        var table = self
        table.write(to: &out)
        return String(buffer: out)
    }
}
