import Testing

@testable import SluiceCore

/// Heads put together piece by piece.
@Suite struct HeadMemoryTests {
    private func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    private func append(_ value: String, to memory: inout HeadMemory) {
        Array(value.utf8).withUnsafeBytes { memory.append($0) }
    }

    @Test func whatIsAppendedIsThereInItsOrder() {
        var memory = HeadMemory()
        #expect(memory.bytes.count == 0)
        memory.append("a")
        append("b", to: &memory)
        append("", to: &memory)
        Array("name".utf8).withUnsafeBytes { name in
            Array("value".utf8).withUnsafeBytes { memory.appendLine(name, $0) }
        }
        memory.appendLine(UnsafeRawBufferPointer(start: nil, count: 0), UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(text(memory.bytes) == "abname: value\r\n: \r\n")
        #expect(memory.count == 19)
        #expect(text(memory.bytes(ByteRange(start: 2, count: 4))) == "name")
        #expect(memory.bytes(ByteRange(start: 18, count: 2)).isEmpty)
    }

    @Test func itGrowsWithoutLosingAnything() {
        var memory = HeadMemory()
        var expected = ""
        for i in 0..<2000 {
            append("\(i),", to: &memory)
            expected += "\(i),"
        }
        #expect(text(memory.bytes) == expected)
        let long = String(repeating: "x", count: 100_000)
        append(long, to: &memory)
        #expect(memory.count == expected.utf8.count + 100_000)
        #expect(text(memory.bytes(ByteRange(start: expected.utf8.count, count: 100_000))) == long)
    }

    @Test func itKeepsAsMuchMemoryAsItIsTold() {
        var memory = HeadMemory()
        memory.reserve(1000)
        let room = memory.room
        memory.clear(keeping: 1000)
        #expect(memory.room == room)
        memory.clear(keeping: 999)
        #expect(memory.room == 0)
        memory.append("again")
        #expect(text(memory.bytes) == "again")
    }
}
