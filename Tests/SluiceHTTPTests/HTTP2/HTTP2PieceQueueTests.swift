import NIOCore
import SluiceCore
import SluiceHTTP
import Testing

@Suite("Pieces of a body that wait") struct HTTP2PieceQueueTests {
    @Test("first in, first out, whatever is put back or joined in between", arguments: 1...50 as ClosedRange<UInt64>)
    func order(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var queue = HTTP2PieceQueue()
        var expected: [UInt8] = []
        var taken: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<500 {
            switch random.below(4) {
            case 0, 1:
                let bytes = (0..<1 + random.below(8)).map { _ in
                    next &+= 1
                    return next
                }
                expected += bytes
                queue.append(ByteBuffer(bytes: bytes), joiningUpTo: Int(random.below(3)) * 3)
            case 2:
                guard var piece = queue.popFirst() else { continue }
                if random.below(2) == 0, piece.readableBytes > 1 {
                    taken += piece.readBytes(length: 1) ?? []
                    queue.prepend(piece)
                } else {
                    taken += Array(piece.readableBytesView)
                }
            default:
                if random.below(50) == 0 {
                    queue.removeAll()
                    expected = taken
                }
            }
            #expect(queue.isEmpty == (taken.count == expected.count))
        }
        while let piece = queue.popFirst() { taken += Array(piece.readableBytesView) }
        #expect(taken == expected && queue.isEmpty)
    }

    @Test("small pieces are joined, large ones are not copied")
    func joins() throws {
        var queue = HTTP2PieceQueue()
        for text in ["a", "b", "c"] { queue.append(ByteBuffer(string: text), joiningUpTo: 2) }
        queue.append(ByteBuffer(string: "large"), joiningUpTo: 2)
        queue.append(ByteBuffer(string: "d"), joiningUpTo: 2)
        queue.append(ByteBuffer(string: "e"), joiningUpTo: 2)
        var texts: [String] = []
        while let piece = queue.popFirst() { texts.append(String(buffer: piece)) }
        #expect(texts == ["abc", "large", "de"])
    }

    @Test("a queue that never runs empty keeps no place for what has passed")
    func longLife() throws {
        var queue = HTTP2PieceQueue()
        for i in 0..<4 { queue.append(ByteBuffer(integer: i)) }
        for i in 4..<10_000 {
            queue.append(ByteBuffer(integer: i))
            #expect(queue.popFirst() == ByteBuffer(integer: i - 4))
        }
        let others = Mirror(reflecting: queue).children.first { $0.label == "others" }
        #expect(try #require(others?.value as? [ByteBuffer]).count < 100)
    }
}
