/// Takes gRPC messages out of the pieces of a body (gRPC over HTTP/2, "Length-Prefixed-Message").
///
/// A message that lies whole in one piece is not copied; of others what has come is kept, up to the limit.
package struct FrameReader {
    private let limit: Int
    /// What has come of a message that is not complete, its five bytes included.
    private var pending: [UInt8] = []

    package init(limit: Int) { self.limit = limit }

    /// Whether nothing is missing.
    package var isComplete: Bool { pending.isEmpty }

    /// Calls for each message that is complete with this piece.
    package mutating func feed(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(TranscodingError) -> Void
    ) throws(TranscodingError) {
        var at = 0
        if !pending.isEmpty { at = try resume(bytes, body) }
        while at < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[at...])
            guard let length = try length(rest), rest.count - 5 >= length else {
                pending.append(rest)
                return
            }
            try body(UnsafeRawBufferPointer(rebasing: rest[5..<(5 + length)]))
            at += 5 + length
        }
    }

    /// Completes the pending message; the result is how much of the piece it took.
    private mutating func resume(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws(TranscodingError) -> Void
    ) throws(TranscodingError) -> Int {
        let head = min(max(0, 5 - pending.count), bytes.count)
        pending.append(UnsafeRawBufferPointer(rebasing: bytes[..<head]))
        let known = try pending.withRawBytes { (all) throws(TranscodingError) in try length(all) }
        guard let length = known else { return bytes.count }
        let missing = min(5 + length - pending.count, bytes.count - head)
        pending.append(UnsafeRawBufferPointer(rebasing: bytes[head..<(head + missing)]))
        guard pending.count == 5 + length else { return bytes.count }
        let whole = pending
        pending = []
        try whole.withRawBytes { (all) throws(TranscodingError) in
            try body(UnsafeRawBufferPointer(rebasing: all[5...]))
        }
        return head + missing
    }

    /// The length that the five bytes say; nil when they are not all there.
    private func length(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) -> Int? {
        guard let flag = bytes.first else { return nil }
        guard flag == 0 else {
            let reason = flag == 1 ? "a compressed message cannot be translated" : "a gRPC message has a bad flag"
            throw TranscodingError(.wire, reason)
        }
        guard bytes.count >= 5 else { return nil }
        let length = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard length <= limit else {
            throw TranscodingError(.tooLarge, "a message of \(length) bytes is beyond the limit of \(limit)")
        }
        return length
    }
}
