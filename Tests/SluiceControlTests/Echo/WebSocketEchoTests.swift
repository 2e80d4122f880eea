import NIOCore
import Testing

@testable import SluiceControl

@Suite struct WebSocketEchoTests {
    private func frame(_ first: UInt8, _ payload: [UInt8], mask: [UInt8] = [1, 2, 3, 4]) -> [UInt8] {
        var bytes = [first]
        switch payload.count {
        case ...125: bytes.append(0x80 | UInt8(payload.count))
        case ...0xFFFF: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [0x80 | 127] + (0..<8).map { UInt8(payload.count >> (56 - 8 * $0) & 0xFF) }
        }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    private func answer(_ bytes: [UInt8]) -> (answer: [UInt8], goesOn: Bool) {
        var echo = WebSocketEcho()
        var out = ByteBuffer()
        let goesOn = echo.received(ByteBuffer(bytes: bytes), answer: &out)
        return (Array(buffer: out), goesOn)
    }

    @Test("all three forms of length come back", arguments: [0, 125, 126, 65_535, 65_536, 1_048_576])
    func lengths(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let (bytes, goesOn) = answer(frame(0x82, payload))
        #expect(goesOn)
        #expect(bytes.first == 0x82)
        #expect(bytes.suffix(count).elementsEqual(payload))
        #expect(bytes.count == count + (count > 65_535 ? 10 : count > 125 ? 4 : 2))
    }

    @Test("frames that come byte by byte, fragments and a ping between them keep their order")
    func pieces() {
        var echo = WebSocketEcho()
        var out = ByteBuffer()
        for byte in frame(0x01, [1]) + frame(0x89, [2]) + frame(0x80, [3]) {
            #expect(echo.received(ByteBuffer(bytes: [byte]), answer: &out))
        }
        #expect(Array(buffer: out) == [0x01, 1, 1, 0x8A, 1, 2, 0x80, 1, 3])
    }

    @Test(
        "what breaks the protocol ends it with its code",
        arguments: [
            // No mask; a reserved bit; a control frame that is too long, or in pieces.
            ([0x81, 0x01, 0x41], 1002), ([0xC1, 0x80, 0, 0, 0, 0], 1002), ([0x89, 0xFE, 0, 200], 1002),
            ([0x09, 0x80, 0, 0, 0, 0], 1002), ([0x82, 0xFF, 0, 0, 0, 0, 0, 16, 0, 1], 1009),
            ([0x82, 0xFF, 255, 255, 255, 255, 255, 255, 255, 255], 1009),
        ] as [([UInt8], UInt16)]
    )
    func violations(bytes: [UInt8], code: UInt16) {
        let (out, goesOn) = answer(bytes)
        #expect(!goesOn)
        #expect(out == [0x88, 2, UInt8(code >> 8), UInt8(code & 0xFF)])
    }
}
