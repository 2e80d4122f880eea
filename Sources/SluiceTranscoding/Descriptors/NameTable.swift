import SluiceCore

/// Finds what a name means within a scope (a field of a message, a value of an enum) without making a `String`.
///
/// Open addressing in one array, built once. The names come from the configuration, only what is looked up comes from
/// peers, so chains are as long as they were built and no secret is needed. Allocates: never on a look-up.
struct NameTable: Sendable {
    private struct Entry {
        let scope: UInt32
        let name: ByteRange
        let value: Int32
    }

    private var names: [UInt8] = []
    private var entries: [Entry] = []
    /// Place in `entries` plus one, or zero; a power of two of them, at most half full.
    private var slots = [UInt32](repeating: 0, count: 16)

    /// Adds a name; false when the scope has it already, and then nothing changes.
    mutating func add(_ name: String, scope: Int, value: Int) -> Bool {
        add(Array(name.utf8), scope: scope, value: value)
    }

    mutating func add(_ bytes: [UInt8], scope: Int, value: Int) -> Bool {
        let isNew = bytes.withUnsafeBytes { find($0, scope: scope) == nil }
        guard isNew else { return false }
        if (entries.count + 1) * 2 > slots.count { grow() }
        let range = ByteRange(start: names.count, count: bytes.count)
        names += bytes
        entries.append(Entry(scope: UInt32(scope), name: range, value: Int32(value)))
        insert(entries.count - 1)
        return true
    }

    /// Another one that shares no memory with this one.
    func copy() -> NameTable {
        var table = self
        table.names = names.unshared()
        table.entries = entries.unshared()
        table.slots = slots.unshared()
        return table
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for place in entries.indices { insert(place) }
    }

    private mutating func insert(_ place: Int) {
        let entry = entries[place]
        let hash = names.withUnsafeBytes {
            Self.hash(UnsafeRawBufferPointer(rebasing: $0[Int(entry.name.start)..<entry.name.end]), entry.scope)
        }
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(place + 1)
    }

    /// The value of a name, or nil.
    func find(_ name: UnsafeRawBufferPointer, scope: Int) -> Int? {
        let scope = UInt32(truncatingIfNeeded: scope)
        var slot = Int(truncatingIfNeeded: Self.hash(name, scope)) & (slots.count &- 1)
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if entry.scope == scope, isName(entry.name, name) { return Int(entry.value) }
            slot = (slot &+ 1) & (slots.count &- 1)
        }
        return nil
    }

    private func isName(_ range: ByteRange, _ name: UnsafeRawBufferPointer) -> Bool {
        guard Int(range.count) == name.count else { return false }
        return names.withUnsafeBytes { all in
            UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end]).elementsEqual(name)
        }
    }

    @inline(__always)
    private static func hash(_ name: UnsafeRawBufferPointer, _ scope: UInt32) -> UInt64 {
        var hash = UInt64(scope) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: name.count)
        var at = 0
        while at &+ 8 <= name.count {
            hash = mix(hash ^ name.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at &+= 8
        }
        var tail: UInt64 = 0
        while at < name.count {
            tail = tail &<< 8 | UInt64(name[at])
            at &+= 1
        }
        return mix(hash ^ tail)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return high ^ low
    }

    /// Names of a scope, for suggestions; only for error texts.
    func names(scope: Int) -> [String] {
        entries.filter { $0.scope == UInt32(truncatingIfNeeded: scope) }
            .map { String(decoding: names[Int($0.name.start)..<$0.name.end], as: UTF8.self) }
    }
}

extension Array {
    /// The same elements in memory of their own.
    func unshared() -> [Element] { withUnsafeBufferPointer { Array($0) } }
}
