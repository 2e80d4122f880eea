package import NIOCore

/// The header fields of one head: the bytes as they came, and a table of where each name and value lies.
///
/// This is the one form in which filters and the engine see headers. Nothing is copied into strings; an edit marks an
/// entry as removed or appends new bytes behind the received ones. What was not touched goes out again in runs, with
/// its case and order kept.
///
/// Isolation: one loop. Allocates: only while its two arrays grow to the size of the largest head seen; `reset` keeps
/// both for the next one.
package struct HeaderTable: Sendable {
    /// One field line.
    package struct Entry: Sendable {
        /// Offset of the name in `bytes`.
        package var nameStart: UInt32
        /// Offset of the value, optional white space around it left out.
        package var valueStart: UInt32
        package var valueCount: UInt32
        package var nameCount: UInt16
        package var name: FieldName
        package var isRemoved: Bool

        @inlinable package var nameRange: ByteRange { ByteRange(start: nameStart, count: UInt32(nameCount)) }
        @inlinable package var valueRange: ByteRange { ByteRange(start: valueStart, count: valueCount) }
    }

    /// The received head, then whatever edits appended. Its reader index stays 0.
    package var bytes: ByteBuffer
    package private(set) var entries: ContiguousArray<Entry>
    /// A bit per `FieldName` that was ever added, so that looking for an absent well-known field costs one test.
    ///
    /// Read it through `mayHave`, which costs no reference counting, unlike a call on the table.
    package private(set) var present: UInt64 = 0

    package init() {
        self.bytes = ByteBuffer()
        self.entries = []
    }

    /// Forgets everything but keeps the memory.
    ///
    /// But not that of an unusually large head: free exchanges would add up to much.
    package mutating func reset() {
        if bytes.capacity > 8 * 1024 { bytes = ByteBuffer() } else { bytes.clear() }
        entries.removeAll(keepingCapacity: true)
        present = 0
    }

    /// Number of entries that are not removed.
    package var count: Int { entries.reduce(0) { $0 + ($1.isRemoved ? 0 : 1) } }

    // MARK: - Building (codec)

    /// Records a received line; offsets are those in `bytes`.
    package mutating func appendReceived(name: FieldName, nameRange: ByteRange, valueRange: ByteRange) {
        present |= name.bit
        entries.append(
            Entry(
                nameStart: nameRange.start,
                valueStart: valueRange.start,
                valueCount: valueRange.count,
                nameCount: UInt16(truncatingIfNeeded: nameRange.count),
                name: name,
                isRemoved: false
            )
        )
    }

    // MARK: - Reading

    /// Calls `body` with the bytes of a range; an impossible range gives no bytes instead of a trap.
    @inlinable
    package func withBytes<R>(_ range: ByteRange, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withUnsafeReadableBytes { all in
            guard range.end <= all.count else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
            return try body(UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end]))
        }
    }

    /// The bytes of a range, valid until the table is changed or gone; none for an impossible range.
    ///
    /// For the path of every request, where a closure would cost more than what it does. Changes nothing: `mutating` so
    /// that a table inside of a class instance is borrowed and not copied.
    package mutating func lend(_ range: ByteRange) -> UnsafeRawBufferPointer {
        // SAFETY: the table keeps the memory, which moves only when something is written.
        let all = bytes.withUnsafeReadableBytes { $0 }
        guard range.end <= all.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end])
    }

    /// All entries and the bytes that they lie in, valid as those of `lend`.
    package mutating func lendAll() -> (entries: UnsafeBufferPointer<Entry>, bytes: UnsafeRawBufferPointer) {
        // SAFETY: as above.
        (entries.withUnsafeBufferPointer { $0 }, bytes.withUnsafeReadableBytes { $0 })
    }

    /// The text of a range, for logs and stored values: never on the path of every request.
    package func string(_ range: ByteRange) -> String {
        withBytes(range) { String(decoding: $0, as: UTF8.self) }
    }

    package func has(_ name: FieldName) -> Bool {
        present & name.bit != 0 && entries.contains { $0.name == name && !$0.isRemoved }
    }

    /// Index of the first live entry with that name, at or after `start`.
    package func firstIndex(of name: FieldName, from start: Int = 0) -> Int? {
        present & name.bit == 0 ? nil : Self.place(of: name, in: entries, from: start)
    }

    @inline(__always)
    private static func place(of name: FieldName, in entries: ContiguousArray<Entry>, from start: Int) -> Int? {
        var i = start
        while i < entries.count {
            if entries[i].name == name, !entries[i].isRemoved { return i }
            i += 1
        }
        return nil
    }

    /// Index of the first live entry whose name equals `lower` (lower case), at or after `start`.
    package func firstIndex(ofLowercased lower: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        let name = FieldName.intern(lower)
        return name != .other ? firstIndex(of: name, from: start) : firstIndex(ofOther: lower, from: start)
    }

    /// Index of the first live entry whose name equals `lower` (lower case), at or after `start`.
    package func firstIndex(ofLowercased lower: [UInt8], from start: Int = 0) -> Int? {
        lower.withUnsafeBytes { firstIndex(ofLowercased: $0, from: start) }
    }

    /// The first value of a well-known field.
    package func value(of name: FieldName) -> ByteRange? {
        firstIndex(of: name).map { entries[$0].valueRange }
    }

    /// The first value of a well-known field.
    ///
    /// Changes nothing: `mutating` so that a table inside of a class instance is borrowed and not copied for the call.
    package mutating func findValue(of name: FieldName) -> ByteRange? {
        guard let index = find(name) else { return nil }
        return entries[index].valueRange
    }

    /// The first value of a field, and changes nothing either.
    package mutating func findValue(of key: FieldKey) -> ByteRange? {
        guard let index = find(key) else { return nil }
        return entries[index].valueRange
    }

    /// As `firstIndex(of:from:)`, and changes nothing either.
    package mutating func find(_ name: FieldName, from start: Int = 0) -> Int? {
        present & name.bit == 0 ? nil : Self.place(of: name, in: entries, from: start)
    }

    /// As `firstIndex(of:from:)`, and changes nothing either.
    package mutating func find(_ key: FieldKey, from start: Int = 0) -> Int? {
        if key.name != .other { return find(key.name, from: start) }
        return key.lowercased.withUnsafeBytes { firstIndex(ofOther: $0, from: start) }
    }

    /// Index of the first live entry of a name that is not interned, in lower case.
    func firstIndex(ofOther lower: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard present & FieldName.other.bit != 0 else { return nil }
        return bytes.withUnsafeReadableBytes { all in
            var i = start
            while i < entries.count {
                if Self.isLine(entries[i], of: lower, in: all) { return i }
                i += 1
            }
            return nil
        }
    }

    @inline(__always)
    private static func isLine(_ entry: Entry, of lower: UnsafeRawBufferPointer, in all: UnsafeRawBufferPointer) -> Bool
    {
        guard Int(entry.nameCount) == lower.count, entry.name == .other, !entry.isRemoved else { return false }
        let range = entry.nameRange
        guard range.end <= all.count else { return false }
        return ASCII.equalsFolded(UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end]), lower)
    }

    // MARK: - Editing (engine and filters)

    package mutating func removeEntry(at index: Int) {
        guard entries.indices.contains(index) else { return }
        entries[index].isRemoved = true
    }

    /// Removes every field of that name.
    package mutating func remove(_ name: FieldName) {
        remove(anyOf: name.bit)
    }

    /// Removes every field of those names, `bit`s of `FieldName` put together. Costs one test where none is there.
    @inline(__always)
    package mutating func remove(anyOf names: UInt64) {
        if present & names != 0 { removePresent(names) }
    }

    private mutating func removePresent(_ names: UInt64) {
        entries.withUnsafeMutableBufferPointer { entries in
            for i in entries.indices where entries[i].name.bit & names != 0 { entries[i].isRemoved = true }
        }
        present &= ~(names & ~FieldName.other.bit)
    }

    /// Removes every field whose name equals `lower` (lower case).
    package mutating func remove(lowercased lower: [UInt8]) {
        lower.withUnsafeBytes { lower in
            let name = FieldName.intern(lower)
            if name != .other { remove(name) } else { remove(other: lower) }
        }
    }

    /// Removes every field of a name that is not interned, in lower case.
    mutating func remove(other lower: UnsafeRawBufferPointer) {
        guard present & FieldName.other.bit != 0 else { return }
        Self.remove(lower, in: bytes, from: &entries)
    }

    private static func remove(
        _ lower: UnsafeRawBufferPointer,
        in bytes: ByteBuffer,
        from entries: inout ContiguousArray<Entry>
    ) {
        bytes.withUnsafeReadableBytes { all in
            for i in entries.indices where isLine(entries[i], of: lower, in: all) { entries[i].isRemoved = true }
        }
    }

    /// Makes room for `count` more bytes behind the others; `body` writes all of them.
    ///
    /// A buffer checks its capacity, its uniqueness and its slice at each write; here all of a line is one.
    ///
    /// - Returns: where they lie.
    @inline(__always)
    mutating func appendBytes(_ count: Int, _ body: (UnsafeMutableRawPointer) -> Void) -> Int {
        let start = bytes.writerIndex
        if bytes.writableBytes < count { bytes.reserveCapacity(minimumWritableBytes: count) }
        bytes.withVeryUnsafeMutableBytes { all in
            guard let memory = all.baseAddress, count > 0 else { return }
            body(memory + start)
        }
        bytes.moveWriterIndex(forwardBy: count)
        return start
    }

    /// Adds a field behind the others.
    ///
    /// The caller answers for valid bytes: names are tokens, values hold no CR, LF or NUL.
    package mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) {
        let nameStart = bytes.writerIndex
        let nameCount = bytes.writeBytes(name)
        bytes.writeInteger(UInt16(0x3A20))  // ": "
        let valueStart = bytes.writerIndex
        let valueCount = bytes.writeBytes(value)
        bytes.writeInteger(UInt16(0x0D0A))
        let id = withBytes(ByteRange(start: nameStart, count: nameCount)) { FieldName.intern($0) }
        appendReceived(
            name: id,
            nameRange: ByteRange(start: nameStart, count: nameCount),
            valueRange: ByteRange(start: valueStart, count: valueCount)
        )
    }

    /// The same for bytes in memory, written in one piece.
    package mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let start = bytes.writerIndex
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: max(name.count + value.count + 4, 64)) { memory in
            memory.copyMemory(from: name)
            memory[name.count] = 0x3A
            memory[name.count + 1] = 0x20
            UnsafeMutableRawBufferPointer(rebasing: memory[(name.count + 2)...]).copyMemory(from: value)
            memory[name.count + value.count + 2] = 0x0D
            memory[name.count + value.count + 3] = 0x0A
            return name.count + value.count + 4
        }
        appendReceived(
            name: FieldName.intern(name),
            nameRange: ByteRange(start: start, count: name.count),
            valueRange: ByteRange(start: start + name.count + 2, count: value.count)
        )
    }

    /// Adds a well-known field behind the others.
    package mutating func append(_ name: FieldName, value: some Collection<UInt8>) {
        append(
            name: UnsafeRawBufferPointer(start: name.canonical.utf8Start, count: name.canonical.utf8CodeUnitCount),
            value: value
        )
    }

    /// Appends loose bytes (a rewritten path, a template's result) and says where they lie.
    package mutating func store(_ value: some Collection<UInt8>) -> ByteRange {
        let start = bytes.writerIndex
        return ByteRange(start: start, count: bytes.writeBytes(value))
    }
}
