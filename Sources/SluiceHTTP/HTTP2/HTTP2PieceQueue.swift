package import NIOCore

/// Pieces of a body that wait for windows, first in, first out.
///
/// Most streams never have more than one at a time, and that takes no memory of its own. Isolation: one loop.
package struct HTTP2PieceQueue {
    private var first: ByteBuffer?
    /// Behind it; those before `next` were taken.
    private var others: [ByteBuffer] = []
    private var next = 0

    package init() {}

    /// Stored, since asking a queue inside of a class instance would copy it.
    package private(set) var isEmpty = true

    /// - Parameter limit: a piece up to that size is copied behind the last one, if that is no longer than this either.
    package mutating func append(_ piece: ByteBuffer, joiningUpTo limit: Int = 0) {
        if isEmpty {
            isEmpty = false
            first = piece
            return
        }
        // A number and no copy, which would make the buffer that is written to below a shared one.
        let last = others.isEmpty ? first?.readableBytes ?? 0 : others[others.count - 1].readableBytes
        guard piece.readableBytes <= limit, last <= limit else { return others.append(piece) }
        if others.isEmpty {
            first?.writeImmutableBuffer(piece)
        } else {
            others[others.count - 1].writeImmutableBuffer(piece)
        }
    }

    package mutating func popFirst() -> ByteBuffer? {
        guard let piece = first.take() else { return nil }
        if next < others.count {
            first = others[next]
            others[next] = ByteBuffer()
            next += 1
        } else {
            isEmpty = true
        }
        if next == others.count, next > 0 {
            others.removeAll(keepingCapacity: true)
            next = 0
        } else if next >= 32, next * 2 >= others.count {
            // A queue that never runs empty must not keep the places of all that has passed.
            others.removeFirst(next)
            next = 0
        }
        return piece
    }

    /// Puts back what `popFirst` gave, or the rest of it.
    package mutating func prepend(_ piece: ByteBuffer) {
        if let first {
            if next > 0 {
                next -= 1
                others[next] = first
            } else {
                others.insert(first, at: 0)
            }
        }
        first = piece
        isEmpty = false
    }

    package mutating func removeAll() {
        isEmpty = true
        first = nil
        if !others.isEmpty { others = [] }
        next = 0
    }
}
