/// Frames that many tests begin with.
extension Frame {
    /// A request on stream 1 whose body is to come.
    static let post = headers(1, HPACK.post, end: false)
    /// A whole request on stream 1.
    static let get = headers(1, HPACK.get)
    /// A whole request on stream 1 whose header block goes on in the next frame.
    static let getBegun = make(headers, flags: endStream, stream: 1, HPACK.block(HPACK.get))

    /// A CONTINUATION that ends a block.
    static func more(_ stream: UInt32) -> [UInt8] {
        make(continuation, flags: endHeaders, stream: stream, HPACK.literal("a", "b"))
    }

    /// HEADERS with whatever block.
    static func block(_ payload: [UInt8], stream: UInt32 = 1, flags: UInt8 = 0) -> [UInt8] {
        make(headers, flags: flags | endHeaders | endStream, stream: stream, payload)
    }

    /// DATA of that many zeros.
    static func zeros(_ stream: UInt32, _ count: Int, end: Bool = false) -> [UInt8] {
        make(data, flags: end ? endStream : 0, stream: stream, Array(repeating: 0, count: count))
    }

    static func priority(_ stream: UInt32, on parent: UInt32 = 0) -> [UInt8] {
        make(priority, stream: stream, int(parent) + [15])
    }

    static func trailers(_ stream: UInt32) -> [UInt8] { headers(stream, [("a", "b")]) }

    static let eight = Array("12345678".utf8)
}
