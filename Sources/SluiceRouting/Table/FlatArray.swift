/// An immutable array of plain values outside of reference counting.
///
/// Two loops that read one Swift array contend for its reference count; they read this one through a pointer. Whoever
/// makes it frees it.
// SAFETY: written once, before anybody else sees the value; read only from then on, until its owner's `deinit`.
struct FlatArray<Element: BitwiseCopyable>: @unchecked Sendable {
    private let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: some Collection<Element>) {
        count = elements.count
        base = .allocate(capacity: max(1, elements.count))
        _ = UnsafeMutableBufferPointer(start: base, count: count).initialize(from: elements)
    }

    func deallocate() { base.deallocate() }

    /// The index comes from the table itself, never from a peer: `RouteTable` is built by one piece of code that numbers
    /// what it stores. Debug builds check it.
    @inline(__always)
    subscript(index: UInt32) -> Element {
        assert(Int(index) < count)
        return base[Int(index)]
    }

    /// The elements as bytes.
    @inline(__always)
    func bytes(_ start: UInt32, _ count: UInt32) -> UnsafeRawBufferPointer where Element == UInt8 {
        assert(Int(start) + Int(count) <= self.count)
        return UnsafeRawBufferPointer(start: base + Int(start), count: Int(count))
    }

    /// Bytes of memory.
    var memory: Int { max(1, count) * MemoryLayout<Element>.stride }
}
