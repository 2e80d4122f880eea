/// A growing `KeyIndex`.
struct KeyIndexBuilder {
    private(set) var entries = ContiguousArray<KeyEntry>(repeating: KeyEntry(), count: 1024)
    private var count = 0

    /// The value of a key, made with `make` if it is new; new keys are copied to the arena.
    mutating func value(
        of bytes: UnsafeRawBufferPointer,
        in space: UInt32,
        arena: inout ContiguousArray<UInt8>,
        make: () -> UInt32
    ) -> UInt32 {
        let hash = KeyHash.of(bytes, in: space)
        let slot = find(bytes, space, hash, arena)
        if entries[slot].value != none { return entries[slot].value }
        let value = make()
        entries[slot] = KeyEntry(
            hash: hash,
            space: space,
            value: value,
            start: UInt32(truncatingIfNeeded: arena.count),
            count: UInt32(truncatingIfNeeded: bytes.count)
        )
        arena.append(contentsOf: bytes)
        count += 1
        if count * 3 > entries.count * 2 { grow() }
        return value
    }

    /// The slot of a key, or the free one where it belongs.
    private func find(
        _ bytes: UnsafeRawBufferPointer,
        _ space: UInt32,
        _ hash: UInt32,
        _ arena: ContiguousArray<UInt8>
    ) -> Int {
        let mask = entries.count - 1
        var slot = Int(hash) & mask
        while entries[slot].value != none {
            let entry = entries[slot]
            if entry.hash == hash, entry.space == space, Int(entry.count) == bytes.count,
                arena[Int(entry.start)..<(Int(entry.start) + Int(entry.count))].elementsEqual(bytes)
            {
                return slot
            }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow() {
        let old = entries
        entries = ContiguousArray(repeating: KeyEntry(), count: old.count * 2)
        let mask = entries.count - 1
        for entry in old where entry.value != none {
            var slot = Int(entry.hash) & mask
            while entries[slot].value != none { slot = (slot + 1) & mask }
            entries[slot] = entry
        }
    }
}
