import NIOCore

/// One protobuf message while it is written front to back, before the lengths inside of it are known.
///
/// A nested message needs its length in front, but only its end tells it. So the content is written without any lengths,
/// and a table notes where each belongs. When the message is complete every length is known, and one pass copies
/// the content and the lengths to where they go. Nothing is moved twice and nothing allocated per field.
///
/// Allocates: when one of its arrays grows; `reset` keeps their room unless it is large.
struct MessageBuffer {
    /// A length that belongs in front of the byte at `position`.
    private struct Length {
        let position: Int
        var value: Int
    }

    /// A length whose content is being written.
    private struct Open {
        /// Its place in `lengths`.
        let place: Int
        /// Bytes that the lengths inside of it take.
        var inner: Int
    }

    /// A state to come back to.
    struct Mark {
        fileprivate let bytes: Int
        fileprivate let lengths: Int
        fileprivate let open: Int
    }

    /// The content without lengths.
    var bytes: [UInt8] = []
    private var lengths: [Length] = []
    private var open: [Open] = []
    /// Bytes that the lengths of the outermost level take.
    private var inner = 0

    /// Bytes that the message will have, but for lengths that are not closed yet.
    var size: Int { bytes.count + inner }

    /// What it holds in memory beyond the bytes; for the limit of one message.
    var weight: Int { bytes.count + lengths.count * MemoryLayout<Length>.size / 4 }

    init() {
        // What a usual message needs, so that it does not grow step by step.
        bytes.reserveCapacity(256)
    }

    mutating func reset() {
        // What one large message took is not kept for the rest of a stream.
        bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 16)
        lengths.removeAll(keepingCapacity: lengths.capacity <= 1 << 12)
        open.removeAll(keepingCapacity: true)
        inner = 0
    }

    /// Begins something length-delimited, behind its tag.
    mutating func openLength() {
        open.append(Open(place: lengths.count, inner: 0))
        lengths.append(Length(position: bytes.count, value: 0))
    }

    /// Ends what was begun last.
    mutating func closeLength() {
        guard let last = open.popLast() else { return }
        let value = bytes.count - lengths[last.place].position + last.inner
        lengths[last.place].value = value
        let added = last.inner + Wire.size(ofVarint: UInt64(value))
        if open.isEmpty {
            inner += added
        } else {
            open[open.count - 1].inner += added
        }
    }

    /// Whether nothing was written since the length that was opened last.
    var isOpenEmpty: Bool {
        guard let last = open.last else { return bytes.isEmpty }
        return lengths[last.place].position == bytes.count && last.place == lengths.count - 1
    }

    var mark: Mark { Mark(bytes: bytes.count, lengths: lengths.count, open: open.count) }

    /// Forgets what was written since; lengths that were open at the mark must be open still.
    mutating func rollBack(to mark: Mark) {
        // Lengths closed since were added to the length around them, or to the outermost level.
        var removed = 0
        for length in lengths[mark.lengths...] { removed += Wire.size(ofVarint: UInt64(length.value)) }
        for unclosed in open[mark.open...] { removed -= Wire.size(ofVarint: UInt64(lengths[unclosed.place].value)) }
        for unclosed in open[mark.open...] { removed -= unclosed.inner }
        bytes.removeLast(bytes.count - mark.bytes)
        lengths.removeLast(lengths.count - mark.lengths)
        open.removeLast(open.count - mark.open)
        if open.isEmpty {
            inner -= removed
        } else {
            open[open.count - 1].inner -= removed
        }
    }

    /// Bytes written since a mark, without the lengths among them.
    func written(since mark: Mark) -> ArraySlice<UInt8> { bytes[mark.bytes...] }

    /// Writes the message with its lengths. All must be closed.
    func write(to out: inout ByteBuffer) {
        out.reserveCapacity(minimumWritableBytes: size)
        guard !lengths.isEmpty else {
            out.writeBytes(bytes)
            return
        }
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
            bytes.withUnsafeBytes { source in
                var at = 0
                var from = 0
                for length in lengths {
                    at = Self.copy(source[from..<length.position], to: target, at: at)
                    from = length.position
                    at = Self.put(UInt64(length.value), to: target, at: at)
                }
                return Self.copy(source[from...], to: target, at: at)
            }
        }
    }

    @inline(__always)
    private static func copy(
        _ source: Slice<UnsafeRawBufferPointer>,
        to target: UnsafeMutableRawBufferPointer,
        at: Int
    )
        -> Int
    {
        UnsafeMutableRawBufferPointer(rebasing: target[at...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source)
        )
        return at + source.count
    }

    @inline(__always)
    private static func put(_ value: UInt64, to target: UnsafeMutableRawBufferPointer, at: Int) -> Int {
        var at = at
        var rest = value
        while rest >= 0x80 {
            target[at] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            at += 1
        }
        target[at] = UInt8(truncatingIfNeeded: rest)
        return at + 1
    }
}
