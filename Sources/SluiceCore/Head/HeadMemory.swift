/// Memory in which a head is put together piece by piece, to be read when it is whole.
///
/// A `ByteBuffer` asks at each write whether it is shared, and cuts a collection into pieces; the ten to twenty fields of
/// a header block have thirty to sixty of them. This has one owner and looks at nothing but the room that is left.
///
/// `public` only because that is what lets other targets inline it. Isolation: its owner's. Allocates: while it grows;
/// `clear` says how much is kept. Bounds: its owner's, who counts what is appended.
public struct HeadMemory: ~Copyable {
    @usableFromInline var base: UnsafeMutableRawPointer?
    @usableFromInline var room = 0
    @usableFromInline var used = 0

    /// Bytes that were appended.
    @inlinable public var count: Int { used }

    /// Empty; nothing is allocated yet.
    @inlinable
    public init() {}

    deinit { base?.deallocate() }

    /// What was appended; valid until the next call that changes it.
    @inlinable public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// A part of it, empty for an impossible range.
    @inlinable
    public func bytes(_ range: ByteRange) -> UnsafeRawBufferPointer {
        guard range.end <= count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: bytes[Int(range.start)..<range.end])
    }

    /// Forgets the bytes, and gives memory back beyond so much of it.
    @inlinable
    public mutating func clear(keeping limit: Int) {
        used = 0
        if room > limit { release() }
    }

    @usableFromInline
    mutating func release() {
        base?.deallocate()
        base = nil
        room = 0
    }

    /// Makes room for so many more bytes.
    @inlinable
    public mutating func reserve(_ more: Int) {
        if room - count < more { grow(more) }
    }

    @usableFromInline
    mutating func grow(_ more: Int) {
        let wanted = max(count + more, room * 2, 256)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        if let base {
            larger.copyMemory(from: base, byteCount: count)
            base.deallocate()
        }
        base = larger
        room = wanted
    }

    /// Appends bytes that lie somewhere else.
    @inlinable
    public mutating func append(_ more: UnsafeRawBufferPointer) {
        reserve(more.count)
        guard let base, let start = more.baseAddress else { return }
        (base + count).copyMemory(from: start, byteCount: more.count)
        used += more.count
    }

    /// Appends the text of a literal.
    @inlinable
    public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends `name: value CRLF`.
    @inlinable
    public mutating func appendLine(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        reserve(name.count + value.count + 4)
        append(name)
        appendPair(0x3A, 0x20)
        append(value)
        appendPair(0x0D, 0x0A)
    }

    @inlinable
    mutating func appendPair(_ first: UInt8, _ second: UInt8) {
        reserve(2)
        guard let base else { return }
        base.storeBytes(of: first, toByteOffset: count, as: UInt8.self)
        base.storeBytes(of: second, toByteOffset: count + 1, as: UInt8.self)
        used += 2
    }
}
