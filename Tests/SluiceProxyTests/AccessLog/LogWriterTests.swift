import SluiceConfig
import Testing

@testable import SluiceProxy

@Suite struct LogWriterTests {
    private func written(isJSON: Bool = true, room: Int = 256, _ body: (inout LogWriter) -> Void) -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)
        defer { memory.deallocate() }
        guard let start = memory.baseAddress else { return [] }
        var writer = LogWriter(start, capacity: room, isJSON: isJSON)
        body(&writer)
        return Array(memory[..<writer.count])
    }

    @Test("a byte is escaped or not by what it is, wherever it stands", arguments: [true, false])
    func escapes(isJSON: Bool) {
        for byte in UInt8.min..<0x80 {
            for count in 1...18 {
                for place in 0..<count {
                    var text = [UInt8](repeating: UInt8(ascii: "a"), count: count)
                    text[place] = byte
                    let found = written(isJSON: isJSON) { $0.write(text: text) }
                    var expected = Array(text[..<place].map { Character(Unicode.Scalar($0)) }).map(String.init).joined()
                    switch byte {
                    case 0x22 where isJSON, 0x5C where isJSON: expected += "\\" + String(Unicode.Scalar(byte))
                    case 0x20..<0x7F where byte != 0x22 && byte != 0x5C: expected += String(Unicode.Scalar(byte))
                    default:
                        let hex = String(byte, radix: 16)
                        expected += (isJSON ? "\\u00" : "\\x") + (hex.count < 2 ? "0" : "") + hex
                    }
                    expected += String(repeating: "a", count: count - place - 1)
                    #expect(String(decoding: found, as: UTF8.self) == (isJSON ? "\"\(expected)\"" : expected))
                }
            }
        }
    }

    @Test("numbers, with and without zeros in front", arguments: [0, 9, 10, 99, 100, 12345, Int.max])
    func numbers(number: Int) {
        #expect(String(decoding: written { $0.write(number) }, as: UTF8.self) == "\(number)")
        let padded = String(decoding: written { $0.write(number, width: 4) }, as: UTF8.self)
        #expect(padded == String(repeating: "0", count: max(0, 4 - "\(number)".count)) + "\(number)")
        #expect(written(room: 3) { $0.write(number, width: 4) }.isEmpty)
    }

    @Test("a second that was written before differs in its fraction only, and a clock may go back")
    func clock() {
        var clock = LogClock()
        let formats = [
            LogTimeFormat.standard, LogTimeFormat(parts: [.epoch, .literal([0x2E]), .fraction(9)]),
            LogTimeFormat(parts: [.fraction(3), .fraction(6)]), LogTimeFormat(parts: [.second]),
        ]
        func text(_ nanoseconds: Int64, _ number: Int) -> String {
            String(
                decoding: written(isJSON: false) { clock.write(nanoseconds, as: formats[number], number, to: &$0) },
                as: UTF8.self
            )
        }
        let second: Int64 = 1_795_427_656_000_000_000
        for round in 0..<2 {
            #expect(text(second + 7_000_001, 0) == "2026-11-23T09:54:16.007Z", "round \(round)")
            #expect(text(second + 999_999_999, 0) == "2026-11-23T09:54:16.999Z")
            #expect(text(second + 42, 1) == "1795427656.000000042")
            #expect(text(second + 5_000_000, 2) == "005005000")
            #expect(text(second + 5_000_000, 3) == "16")
            #expect(text(second + 1_000_000_000, 0) == "2026-11-23T09:54:17.000Z")
        }
        let early = written(isJSON: false, room: 20) { clock.write(second, as: formats[0], 0, to: &$0) }
        #expect(early.count <= 20)
        #expect(text(second, 0) == "2026-11-23T09:54:16.000Z")
    }
}
