import NIOCore
import SluiceCore

/// What was sent of a request body, kept so that another attempt can send it again.
///
/// Bounded: a body that outgrows the limit is not kept, and a request that was sent in part is then not repeated.
struct ReplayBuffer {
    /// Bytes of memory that an exchange keeps for the next small body.
    private static let kept = 512

    private var bytes = ByteBuffer()
    private var limit = 0
    private var outgrows = false
    /// Everything sent so far is here.
    private(set) var isWhole = true

    var isEmpty: Bool { bytes.readableBytes == 0 }

    /// Gets ready for a body. One that is known to be too large is not even begun.
    mutating func start(limit: Int, framing: BodyFraming) {
        self.limit = limit
        if case .length(let count) = framing, count > UInt64(limit) { outgrows = true }
    }

    /// A body that is complete before the first attempt.
    mutating func preset(_ body: ByteBuffer) { bytes = body }

    mutating func keep(_ piece: ByteBuffer) {
        guard isWhole else { return }
        guard !outgrows, bytes.readableBytes + piece.readableBytes <= limit else {
            isWhole = false
            bytes = ByteBuffer()
            return
        }
        bytes.writeImmutableBuffer(piece)
    }

    /// Everything that was kept; nil when there is nothing.
    var kept: ByteBuffer? { isEmpty ? nil : bytes }

    mutating func reset() {
        if bytes.storageCapacity > Self.kept { bytes = ByteBuffer() } else if bytes.writerIndex > 0 { bytes.clear() }
        limit = 0
        outgrows = false
        isWhole = true
    }
}
