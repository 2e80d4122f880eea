import NIOCore

/// What was sent of a request body, kept so that another attempt can send it again.
///
/// Bounded: a body that outgrows the limit is not kept, and a request that was sent in part is then not repeated.
struct ReplayBuffer {
    private var bytes = ByteBuffer()
    private var limit = 0
    /// Everything sent so far is here.
    private(set) var isWhole = true

    var isEmpty: Bool { bytes.readableBytes == 0 }

    mutating func start(limit: Int) { self.limit = limit }

    /// A body that is complete before the first attempt.
    mutating func preset(_ body: ByteBuffer) { bytes = body }

    mutating func keep(_ piece: ByteBuffer) {
        guard isWhole else { return }
        guard bytes.readableBytes + piece.readableBytes <= limit else {
            isWhole = false
            bytes = ByteBuffer()
            return
        }
        bytes.writeImmutableBuffer(piece)
    }

    func forEach(_ body: (ByteBuffer) -> Void) {
        if !isEmpty { body(bytes) }
    }

    mutating func reset() {
        if bytes.capacity > 0 { bytes = ByteBuffer() }
        limit = 0
        isWhole = true
    }
}
