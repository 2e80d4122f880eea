import NIOCore
import SluiceCore
import SluiceHTTP

/// Writes the base64 of gRPC-Web's text mode: a text with padding of its own for each frame, so that a frame can be read
/// when it is whole, and nothing in front of that needs padding in the middle (gRPC-Web, "Message framing").
struct GRPCWebEncoder {
    private var scanner = GRPCFrameScanner()
    private var encoder = Base64UnitEncoder()

    /// Appends bytes of the stream as text.
    mutating func encode(_ bytes: UnsafeRawBufferPointer, into out: inout ByteBuffer) {
        var rest = bytes
        while !rest.isEmpty {
            let (count, ends) = scanner.next(rest)
            encoder.encode(UnsafeRawBufferPointer(rebasing: rest[..<count]), ends: ends, into: &out)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Ends the text at hand where the stream ends in the middle of a frame.
    mutating func finish(into out: inout ByteBuffer) {
        encoder.encode(UnsafeRawBufferPointer(start: nil, count: 0), ends: true, into: &out)
    }
}
