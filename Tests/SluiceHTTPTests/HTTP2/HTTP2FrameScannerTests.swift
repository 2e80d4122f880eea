import Testing

@testable import SluiceHTTP

/// Finding frames in pieces of input.
@Suite struct HTTP2FrameScannerTests {
    private struct Seen: Equatable {
        var heads: [HTTP2FrameHead] = []
        var bytes: [UInt8] = []
        var dependsOnItself = false
        var inBlock: [Bool] = []
    }

    private func scan(_ bytes: [UInt8], pieces: Int, preface: Int = 24) -> Seen {
        var scanner = HTTP2FrameScanner(preface: preface)
        var seen = Seen()
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(bytes.count, start + pieces)])
            piece.withUnsafeBytes { piece in
                var rest = piece
                while !rest.isEmpty {
                    let step = scanner.next(rest)
                    guard step.count > 0 else { return }
                    if let head = step.head { seen.heads.append(head) }
                    seen.bytes += Array(rest[..<step.count])
                    rest = UnsafeRawBufferPointer(rebasing: rest[step.count...])
                }
            }
        }
        seen.dependsOnItself = scanner.dependsOnItself
        seen.inBlock = [scanner.isInHeaderBlock]
        return seen
    }

    private static let input: [UInt8] =
        Frame.opening + Frame.getBegun + Frame.make(Frame.continuation, stream: 1) + Frame.more(1)
        + Frame.zeros(0x7FFF_FFFF, 300) + Frame.make(0xFF, flags: 0xAB, stream: 0xFFFF_FFFF, [1])
        + Frame.priority(9, on: 7)

    @Test(arguments: [1, 2, 3, 8, 9, 10, 23, 24, 25, 1000])
    func theFramesAreTheSameWhateverThePieces(pieces: Int) {
        let seen = scan(Self.input, pieces: pieces)
        #expect(seen.bytes == Self.input)
        #expect(seen.heads.map(\.type) == [4, 4, 1, 9, 9, 0, 0xFF, 2])
        #expect(seen.heads.map(\.stream) == [0, 0, 1, 1, 1, 0x7FFF_FFFF, 0x7FFF_FFFF, 9])
        #expect(seen.heads[5].length == 300)
        #expect(seen.heads[6].flags == 0xAB)
        #expect(!seen.dependsOnItself)
        #expect(seen.inBlock == [false])
    }

    @Test(arguments: [1, 2, 5, 100])
    func aStreamThatDependsOnItselfIsFound(pieces: Int) {
        #expect(scan(Frame.priority(9, on: 9), pieces: pieces, preface: 0).dependsOnItself)
        #expect(scan(Frame.priority(9, on: 9 | 1 << 31), pieces: pieces, preface: 0).dependsOnItself)
        #expect(!scan(Frame.priority(9, on: 9 << 8), pieces: pieces, preface: 0).dependsOnItself)
        // Not before all of the number is there.
        #expect(!scan(Array(Frame.priority(0).prefix(12)), pieces: pieces, preface: 0).dependsOnItself)
        // One of a wrong size is the library's to judge.
        let short = Frame.make(Frame.priority, stream: 9, [0, 0, 0, 9])
        #expect(!scan(short, pieces: pieces, preface: 0).dependsOnItself)
    }

    @Test func aBlockIsOpenUntilItsLastByte() {
        #expect(scan(Array(Frame.get.dropLast()), pieces: 7, preface: 0).inBlock == [true])
        #expect(scan(Frame.get, pieces: 7, preface: 0).inBlock == [false])
        #expect(scan(Frame.getBegun, pieces: 7, preface: 0).inBlock == [true])
        #expect(scan(Frame.getBegun + Frame.more(1), pieces: 7, preface: 0).inBlock == [false])
        #expect(scan(Frame.make(Frame.headers, flags: 4, stream: 1), pieces: 7, preface: 0).inBlock == [false])
    }
}
