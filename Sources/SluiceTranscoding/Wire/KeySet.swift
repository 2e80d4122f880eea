import SluiceCore

/// The keys that maps have had so far, to notice one that comes twice.
///
/// It remembers 64 bits of a keyed hash of each, mixed with which map it is of: two keys that differ have the same bits
/// once in 10^19 pairs, and without the secret nobody can make such a pair. That keeps a key at some 16 bytes however
/// long it is. Allocates: when the table grows.
struct KeySet {
    private let secret: SipKey
    /// Hashes by open addressing, 0 where there is none; at most half full.
    private var slots: [UInt64] = []
    private var count = 0
    private var maps: UInt64 = 0

    init(secret: SipKey) { self.secret = secret }

    /// Forgets all. A table that grew large is given back.
    mutating func reset() {
        maps = 0
        guard count > 0 else { return }
        count = 0
        slots = slots.count > 1024 ? [] : [UInt64](repeating: 0, count: slots.count)
    }

    /// A number for a map whose keys are to be told from those of all others.
    mutating func newMap() -> UInt64 {
        maps += 1
        return maps
    }

    /// Adds a key to a map; false when the map has it.
    mutating func insert(_ key: UnsafeRawBufferPointer, into map: UInt64) -> Bool {
        if (count + 1) * 2 > slots.count { grow() }
        var hash = SipHash(secret)
        hash.add(map)
        hash.add(key)
        let value = max(1, hash.finish().low)
        guard Self.place(value, in: &slots) else { return false }
        count += 1
        return true
    }

    private mutating func grow() {
        var larger = [UInt64](repeating: 0, count: max(32, slots.count * 2))
        for value in slots where value != 0 { _ = Self.place(value, in: &larger) }
        slots = larger
    }

    /// Puts a hash where it belongs; false when it is there.
    private static func place(_ value: UInt64, in slots: inout [UInt64]) -> Bool {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: value) & mask
        while slots[slot] != 0 {
            if slots[slot] == value { return false }
            slot = (slot + 1) & mask
        }
        slots[slot] = value
        return true
    }
}
