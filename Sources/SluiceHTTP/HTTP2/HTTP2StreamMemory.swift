/// The streams of a client that are over, as far as it matters what still comes for them.
///
/// A stream that the server has reset may see frames that were on their way (RFC 9113, section 5.1): they are ignored.
/// A client does not know of at most as many resets as it may have streams open, so that these can be remembered
/// exactly. For any other closed stream a frame is a mistake.
///
/// Isolation: its session. Allocates: once.
struct HTTP2StreamMemory {
    /// What a DATA or HEADERS frame on a stream that does not exist means.
    enum Meaning: Equatable {
        /// Not used yet, or never to be: for the library to judge.
        case new
        /// It may have been under way when we reset the stream.
        case late
        /// The client itself has finished the stream.
        case closed
        /// Passed over: a higher number was used first (section 5.1.1).
        case skipped
    }

    /// A number of streams, of which the oldest is forgotten first.
    private struct Ring {
        private var streams: [Int32]
        private var next = 0

        init(_ count: Int) { streams = Array(repeating: 0, count: count) }

        mutating func add(_ stream: Int32) {
            streams[next] = stream
            next = next + 1 == streams.count ? 0 : next + 1
        }

        func contains(_ stream: Int32) -> Bool { streams.contains(stream) }
    }

    private var resets: Ring
    private var opened = Ring(64)
    private var highest: Int32 = 0

    /// - Parameter limit: streams that the client may have open.
    init(limit: UInt32) { resets = Ring(Int(min(limit, 10_000)) + 64) }

    /// The client opened a stream.
    mutating func open(_ stream: Int32) {
        highest = max(highest, stream)
        opened.add(stream)
    }

    /// We have reset a stream.
    mutating func reset(_ stream: Int32) { resets.add(stream) }

    /// Whether the number is that of a stream which can still be opened.
    func isNew(_ stream: Int32) -> Bool { stream > highest }

    func meaning(of stream: Int32) -> Meaning {
        if isNew(stream) || stream & 1 == 0 { return .new }
        if resets.contains(stream) { return .late }
        return opened.contains(stream) ? .closed : .skipped
    }
}
