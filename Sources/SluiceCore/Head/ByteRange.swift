/// A place in the bytes of a `HeaderTable`: offset and length, never a pointer.
package struct ByteRange: Equatable, Sendable {
    package var start: UInt32
    package var count: UInt32

    package static let empty = ByteRange(start: 0, count: 0)

    @inlinable
    package init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    @inlinable
    package init(start: Int, count: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: count)
    }

    @inlinable package var end: Int { Int(start) + Int(count) }
    @inlinable package var isEmpty: Bool { count == 0 }
}
