import NIOCore
import Testing

@testable import SluiceCore

/// Memory that a loop uses again: for something else, but never while somebody still has it.
@Suite struct LoopMemoryTests {
    private func buffer(_ count: Int, _ byte: UInt8 = 1) -> ByteBuffer { ByteBuffer(repeating: byte, count: count) }

    @Test func whatIsGivenBackIsUsedAgainAndEmpty() {
        let memory = LoopMemory()
        let first = buffer(100)
        let place = first.withUnsafeReadableBytes { $0.baseAddress }
        memory.giveBack(first)
        // The one above is gone behind this: nobody else has the memory.
        var again = memory.takePiece()
        #expect(again.readableBytes == 0 && again.storageCapacity >= 100)
        again.writeInteger(UInt8(2))
        _ = place
        #expect(memory.takePiece().storageCapacity == 0, "there was one")
    }

    @Test("bytes that somebody still has are not written over", arguments: [100, 10_000])
    func sharedMemoryIsLeftAlone(count: Int) {
        let memory = LoopMemory()
        let kept = buffer(count, 7)
        memory.giveBack(kept)
        for var other in [memory.takeBuffer(), memory.takePiece()] {
            other.writeRepeatingByte(9, count: count)
        }
        #expect(kept == buffer(count, 7))
    }

    @Test func aPieceThatWaitsNeverLiesInALargeBuffer() {
        let memory = LoopMemory()
        memory.giveBack(buffer(60_000))
        #expect(memory.takePiece().storageCapacity == 0)
        #expect(memory.takeBuffer().storageCapacity >= 60_000)
        memory.giveBack(buffer(70_000))
        #expect(memory.takeBuffer().storageCapacity == 0, "too large to be kept")
    }

    @Test func aLargeBufferStaysWhereManySmallOnesComeAndGo() {
        let memory = LoopMemory()
        memory.giveBack(buffer(60_000))
        for _ in 0..<10 {
            let out = memory.takeBuffer()
            memory.giveBack(buffer(20))
            memory.giveBack(out)
        }
        #expect(memory.takeBuffer().storageCapacity >= 60_000)
    }

    @Test func buffersThatAreKeptAreBounded() {
        let memory = LoopMemory()
        for _ in 0..<1000 { memory.giveBack(buffer(10)) }
        var kept = 0
        while memory.takePiece().storageCapacity > 0 { kept += 1 }
        #expect(kept == 128)
    }

    @Test(
        "a block has what was asked for, whatever was freed before",
        arguments: [1, 7, 8, 9, 24, 25, 1000, 1024, 1025]
    )
    func blocksAreLargeEnough(size: Int) throws {
        let memory = LoopMemory()
        var random = RandomSource(seed: UInt64(size))
        var held: [(block: UnsafeMutableRawPointer, size: Int)] = []
        for _ in 0..<2000 {
            if held.count > 20 || !held.isEmpty && random.below(2) == 0 {
                let (block, size) = held.remove(at: Int(random.below(UInt64(held.count))))
                // Nobody else has written to it.
                let bytes = UnsafeRawBufferPointer(start: block, count: size)
                #expect(bytes.allSatisfy { $0 == UInt8(truncatingIfNeeded: size) })
                memory.giveBack(block: block)
            } else {
                let wanted = 1 + Int(random.below(UInt64(size)))
                let block = try #require(memory.takeBlock(wanted))
                block.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: wanted), count: wanted)
                held.append((block, wanted))
            }
        }
        for (block, _) in held { memory.giveBack(block: block) }
    }
}
