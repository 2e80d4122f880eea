/// A place in the bytes of a `HeaderTable`: offset and length, never a pointer.
///
/// `public` only because that is what lets other targets inline it.
public struct ByteRange: Equatable, Sendable {
    /// Offset of the first byte.
    public var start: UInt32
    /// Number of bytes.
    public var count: UInt32

    /// No bytes.
    public static let empty = ByteRange(start: 0, count: 0)

    /// A range by its first byte and its length.
    @inlinable
    public init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    /// A range by its first byte and its length.
    @inlinable
    public init(start: Int, count: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: count)
    }

    /// Offset behind the last byte.
    @inlinable public var end: Int { Int(start) + Int(count) }
    /// Whether there are no bytes.
    @inlinable public var isEmpty: Bool { count == 0 }
}
