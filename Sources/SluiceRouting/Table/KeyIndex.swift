#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a key of the `KeyIndex` belongs to, so that one index serves all look-ups.
///
/// Node and split numbers share the lower 30 bits; the builder refuses tables with more.
enum KeySpace {
    /// A literal segment below a node.
    static func child(of node: UInt32) -> UInt32 { node }
    /// The first bytes of the next segment below a node.
    static func partial(of node: UInt32) -> UInt32 { node | 0x4000_0000 }
    /// A value of the field that divides a list.
    static func value(of split: UInt32) -> UInt32 { split | 0x8000_0000 }
    /// A whole host.
    static let host: UInt32 = 0xFFFF_FFFE
    /// The domain behind `*.`.
    static let domain: UInt32 = 0xFFFF_FFFD
    /// The name of a query parameter.
    static let parameter: UInt32 = 0xFFFF_FFFC

    /// The numbers of nodes and splits end below this.
    static let limit = 0x3FFF_FFF0
}

/// Hashes bytes one at a time (FNV-1a), so that a segment is hashed while its end is looked for.
///
/// The keys are those of the configuration; a peer can only look up. A hash that collides therefore costs one compare
/// and nothing grows.
struct KeyHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    @inline(__always)
    mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    @inline(__always)
    func finish(in space: UInt32) -> UInt32 {
        let mixed = (state ^ UInt64(space) &* 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return UInt32(truncatingIfNeeded: mixed.high ^ mixed.low)
    }

    @inline(__always)
    static func of(_ bytes: UnsafeRawBufferPointer, in space: UInt32) -> UInt32 {
        var hash = KeyHash()
        for byte in bytes { hash.add(byte) }
        return hash.finish(in: space)
    }
}

/// One entry of the hash table.
struct KeyEntry: BitwiseCopyable {
    var hash: UInt32 = 0
    var space: UInt32 = 0
    /// What the key leads to: a node, a list or a field. `none`: the entry is free.
    var value = none
    /// Range in the byte arena.
    var start: UInt32 = 0
    var count: UInt32 = 0
}

/// An open-addressing hash table in flat memory from (space, bytes) to a number; a power of two long, at most two
/// thirds full.
struct KeyIndex: Sendable {
    let entries: FlatArray<KeyEntry>

    /// Looks a key up. Bounded by the longest run of used entries, which only the configuration determines.
    @inline(__always)
    func find(
        _ bytes: UnsafeRawBufferPointer,
        in space: UInt32,
        hash: UInt32,
        arena: FlatArray<UInt8>
    ) -> UInt32 {
        let mask = UInt32(truncatingIfNeeded: entries.count - 1)
        var slot = hash & mask
        while true {
            let entry = entries[slot]
            if entry.value == none { return none }
            if entry.hash == hash, entry.space == space, sameBytes(bytes, arena.bytes(entry.start, entry.count)) {
                return entry.value
            }
            slot = (slot &+ 1) & mask
        }
    }
}

/// Whether two byte sequences are equal.
@inline(__always)
func sameBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    guard let left = a.baseAddress, let right = b.baseAddress, a.count > 0 else { return true }
    return memcmp(left, right, a.count) == 0
}
