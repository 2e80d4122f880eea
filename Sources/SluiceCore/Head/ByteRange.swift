/// A place in the bytes of a `HeaderTable`: offset and length, never a pointer.
///
/// `public` only because that is what lets other targets inline it.
public struct ByteRange: Equatable, Sendable {
    public var start: UInt32
    public var count: UInt32

    public static let empty = ByteRange(start: 0, count: 0)

    @inlinable
    public init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    @inlinable
    public init(start: Int, count: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: count)
    }

    @inlinable public var end: Int { Int(start) + Int(count) }
    @inlinable public var isEmpty: Bool { count == 0 }
}
