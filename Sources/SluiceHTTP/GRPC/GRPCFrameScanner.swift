/// Finds where the frames of gRPC end in a stream that comes in pieces: a flag, four bytes of length, the message (gRPC
/// over HTTP/2, "Length-Prefixed-Message"). Keeps no bytes.
package struct GRPCFrameScanner: Sendable {
    /// Bytes of the frame's head that have come.
    private var headCount = 0
    private var length: UInt32 = 0
    /// Bytes of the message that are still to come, once the head is whole.
    private var left = 0

    package init() {}

    /// Takes bytes up to the end of the frame at hand, at most.
    ///
    /// - Returns: how many, at least one unless there are none, and whether the frame ends with them.
    package mutating func next(_ bytes: UnsafeRawBufferPointer) -> (count: Int, ends: Bool) {
        var taken = 0
        while headCount < 5, taken < bytes.count {
            if headCount > 0 { length = length << 8 | UInt32(bytes[taken]) }
            headCount += 1
            taken += 1
            if headCount == 5 { left = Int(length) }
        }
        guard headCount == 5 else { return (taken, false) }
        let part = min(left, bytes.count - taken)
        left -= part
        guard left == 0 else { return (taken + part, false) }
        headCount = 0
        length = 0
        return (taken + part, true)
    }
}
