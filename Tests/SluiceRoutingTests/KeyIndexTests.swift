import Testing

@testable import SluiceRouting

@Suite("The key index")
struct KeyIndexTests {
    /// Hashes of 32 bits do collide in large tables: bytes and space decide.
    @Test("keys with one hash are told apart by space and bytes")
    func collisions() {
        let arena = FlatArray<UInt8>(Array("abcabd".utf8))
        let entries = FlatArray<KeyEntry>([
            KeyEntry(),
            KeyEntry(hash: 1, space: 7, value: 10, start: 0, count: 3),
            KeyEntry(hash: 1, space: 8, value: 11, start: 0, count: 3),
            KeyEntry(hash: 1, space: 8, value: 12, start: 3, count: 3),
        ])
        defer {
            arena.deallocate()
            entries.deallocate()
        }
        let index = KeyIndex(entries: entries)
        func find(_ text: String, _ space: UInt32) -> UInt32 {
            Array(text.utf8).withUnsafeBytes { index.find($0, in: space, hash: 1, arena: arena) }
        }
        #expect(find("abc", 7) == 10)
        #expect(find("abc", 8) == 11)
        #expect(find("abd", 8) == 12)
        #expect(find("abd", 7) == none)
        #expect(find("ab", 7) == none)
        #expect(find("abc", 9) == none)
    }

    @Test("a growing index keeps what it had")
    func growth() {
        var builder = KeyIndexBuilder()
        var arena: ContiguousArray<UInt8> = []
        for number in 0..<5000 {
            let value = Array("key\(number)".utf8).withUnsafeBytes { key in
                builder.value(of: key, in: UInt32(number % 3), arena: &arena) { UInt32(number) }
            }
            #expect(value == UInt32(number))
        }
        for number in [0, 1, 777, 4999] {
            let found = Array("key\(number)".utf8).withUnsafeBytes { key in
                builder.value(of: key, in: UInt32(number % 3), arena: &arena) { none - 1 }
            }
            #expect(found == UInt32(number))
        }
        #expect(builder.entries.count >= 7500)
    }
}
