import NIOCore
import SluiceCore
import Testing

@testable import SluiceFilters

/// Base64 in units, cut in every way.
@Suite struct GRPCWebCodingTests {
    private func decode(_ pieces: [String]) -> [UInt8]? {
        var decoder = Base64UnitDecoder()
        var out = ByteBuffer()
        for piece in pieces {
            guard Array(piece.utf8).withUnsafeBytes({ decoder.decode($0, into: &out) }) else { return nil }
        }
        return decoder.isComplete ? Array(buffer: out) : nil
    }

    private func encode(_ pieces: [[UInt8]]) -> String {
        var encoder = GRPCWebEncoder()
        var out = ByteBuffer()
        for piece in pieces { piece.withUnsafeBytes { encoder.encode($0, into: &out) } }
        encoder.finish(into: &out)
        return String(buffer: out)
    }

    /// All ways to cut into up to three pieces.
    private func cuts<C: Collection>(_ whole: C) -> [[C.SubSequence]] {
        var all: [[C.SubSequence]] = []
        for i in 0...whole.count {
            for j in i...whole.count {
                let (a, b) = (whole.index(whole.startIndex, offsetBy: i), whole.index(whole.startIndex, offsetBy: j))
                all.append([whole[..<a], whole[a..<b], whole[b...]])
            }
        }
        return all
    }

    static let texts: [(String, String)] = [
        ("", ""), ("AA==", "\u{0}"), ("YQ==", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("YQ==YWI=YWJj", "aababc"),
        ("YWJjZGU=ZmdoaQ==aa==".replacing("aa==", with: "ag=="), "abcdefghij"), ("+/+/", "\u{fb}\u{ff}\u{bf}"),
    ]

    @Test(arguments: texts)
    func decodesHoweverItIsCut(text: String, bytes: String) {
        let expected = bytes.unicodeScalars.map { UInt8($0.value) }
        for pieces in cuts(text) { #expect(decode(pieces.map { String($0) }) == expected, "\(pieces)") }
    }

    @Test(arguments: [
        "A", "AB", "ABC", "A===", "====", "=", "AB=A", "AB=", "AB==C", "ABC=D", "AB===", "ABC==", "A B=", "AB==\n",
        "YQ-_",
        "YQ\u{0}=", "YWJjA", "AB==", "ABC=B", "ABD=", "AA=", "AA=A", "YWI=B", "é===",
    ])
    func refusesHoweverItIsCut(_ text: String) {
        for pieces in cuts(Array(text.utf8)) {
            #expect(decode(pieces.map { String(decoding: $0, as: UTF8.self) }) == nil || text.utf8.count > text.count)
        }
        #expect(decode([text]) == nil)
    }

    @Test("each frame is a unit of its own, whatever pieces it comes in")
    func units() {
        let frames: [[UInt8]] = [
            [0, 0, 0, 0, 1, 65], [0, 0, 0, 0, 0], [1, 0, 0, 0, 4, 1, 2, 3, 4], [0x80, 0, 0, 0, 2, 13, 10],
        ]
        let expected = frames.map { String(decoding: Base64.encode($0), as: UTF8.self) }.joined()
        for pieces in cuts(frames.flatMap { $0 }) { #expect(encode(pieces.map { Array($0) }) == expected) }
    }

    @Test func aStreamThatEndsInAFrameIsStillText() {
        #expect(encode([[0, 0, 0, 0, 9, 1, 2]]) == "AAAAAAkBAg==")
    }

    @Test func whatWasWrittenCanBeRead() {
        var random = RandomSource(seed: 3)
        for _ in 0..<200 {
            var stream: [UInt8] = []
            for _ in 0..<Int(random.below(5)) {
                let count = Int(random.below(40))
                stream += [0, 0, 0, 0, UInt8(count)] + (0..<count).map { _ in UInt8(random.below(256)) }
            }
            let at = Int(random.below(UInt64(stream.count + 1)))
            let text = encode([Array(stream[..<at]), Array(stream[at...])])
            let middle = text.index(text.startIndex, offsetBy: Int(random.below(UInt64(text.count + 1))))
            #expect(decode([String(text[..<middle]), String(text[middle...])]) == stream)
        }
    }
}
