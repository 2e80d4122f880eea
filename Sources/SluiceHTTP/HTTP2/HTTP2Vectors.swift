import CNGHTTP2

/// The fields of a header block as the library wants them: pointers to names and values, and the digits of a status.
///
/// An array asks at each write whether it is shared, and each view of it counts a reference. Isolation: its owner's.
/// Allocates: while it grows to the number of fields of the largest head.
struct HTTP2Vectors: ~Copyable {
    private(set) var base: UnsafeMutablePointer<nghttp2_nv>?
    private(set) var count = 0
    private var room = 0
    private let text = UnsafeMutableRawBufferPointer.allocate(byteCount: 3, alignment: 1)

    deinit {
        base?.deallocate()
        text.deallocate()
    }

    mutating func clear() { count = 0 }

    @inline(__always)
    mutating func append(_ vector: nghttp2_nv) {
        if count == room { grow() }
        base?[count] = vector
        count &+= 1
    }

    private mutating func grow() {
        room = max(16, room * 2)
        let larger = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: room)
        if let base {
            larger.update(from: base, count: count)
            base.deallocate()
        }
        base = larger
    }

    /// Puts another one in the place of one that is there.
    mutating func replace(at place: Int, with vector: nghttp2_nv) {
        if place < count { base?[place] = vector }
    }

    mutating func remove(at place: Int) {
        guard let base, place < count else { return }
        count -= 1
        (base + place).update(from: base + place + 1, count: count - place)
    }

    /// The digits that were set last.
    var digits: UnsafeRawBufferPointer { UnsafeRawBufferPointer(text) }

    /// Keeps the three digits of a status.
    func setDigits(_ status: UInt16) {
        text[0] = UInt8(truncatingIfNeeded: 0x30 + status / 100 % 10)
        text[1] = UInt8(truncatingIfNeeded: 0x30 + status / 10 % 10)
        text[2] = UInt8(truncatingIfNeeded: 0x30 + status % 10)
    }
}
