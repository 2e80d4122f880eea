import SluiceHTTP
import Testing

/// Where frames end, however the stream is cut.
@Suite struct GRPCFrameScannerTests {
    static func frame(_ count: Int, flag: UInt8 = 0) -> [UInt8] {
        [flag, UInt8(count >> 24 & 255), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
            + [UInt8](repeating: 7, count: count)
    }

    private func ends(_ pieces: [[UInt8]]) -> [Int] {
        var scanner = GRPCFrameScanner()
        var place = 0
        var found: [Int] = []
        for piece in pieces {
            piece.withUnsafeBytes { bytes in
                var rest = bytes
                while !rest.isEmpty {
                    let (count, ends) = scanner.next(rest)
                    #expect(count > 0)
                    place += count
                    if ends { found.append(place) }
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                }
            }
        }
        return found
    }

    @Test func endsAreFoundInEveryChunking() {
        let stream =
            Self.frame(3) + Self.frame(0) + Self.frame(0) + Self.frame(300, flag: 1) + Self.frame(1, flag: 0x80)
        let expected = [8, 13, 18, 323, 329]
        #expect(ends([stream]) == expected)
        for size in 1...20 {
            let pieces = stride(from: 0, to: stream.count, by: size).map {
                Array(stream[$0..<min($0 + size, stream.count)])
            }
            #expect(ends(pieces) == expected, "pieces of \(size)")
        }
    }

    @Test func theLongestLengthIsNoTrap() {
        var scanner = GRPCFrameScanner()
        let head: [UInt8] = [0, 255, 255, 255, 255, 1, 2, 3]
        let step = head.withUnsafeBytes { scanner.next($0) }
        #expect(step.count == 8 && !step.ends)
    }
}
