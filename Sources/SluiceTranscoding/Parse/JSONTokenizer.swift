import SluiceCore

/// Reads JSON as it arrives, in pieces that may end anywhere, and tells a sink what it consists of (RFC 8259).
///
/// Kept between pieces are the kinds of the open containers, one bit each, and the text of a token that was cut, of a
/// string what it stands for so far. It is strict: no comments, no trailing commas, no byte order mark, valid UTF-8 and no lone surrogates.
///
/// Allocates: only for tokens that are cut between pieces, and for strings with escapes.
struct JSONTokenizer {
    /// The most that the bits of the containers hold.
    static let greatestDepth = 128

    enum Expected: UInt8 {
        case value
        case valueOrEnd
        case key
        case keyOrEnd
        case colon
        case commaOrEnd
        /// The text is complete; in a sequence another may follow.
        case nothing
    }

    enum Part: UInt8 {
        case none
        case string
        case number
        case word
    }

    let depthLimit: Int
    let heldLimit: Int
    let captureLimit: Int
    let isSequence: Bool

    var expected = Expected.value
    var isObject: UInt128 = 0
    var depth = 0
    /// Bytes of all pieces before this one.
    var consumed: Int

    /// The token that the last piece ended within: its kind, its bytes so far, where it began. Of a string the escapes are
    /// resolved, but for one that was cut.
    var part = Part.none
    var carry: [UInt8] = []
    var cutEscape: [UInt8] = []
    /// What is wrong with one; said when the string has ended, so that it does not matter where pieces do. What follows it
    /// is kept as it came.
    var brokenEscape: TranscodingError?
    var tokenStart = 0
    var string = StringScan()
    var unescaped: [UInt8] = []

    /// The container that is skipped or captured: what was wanted, at which depth it began and where.
    var quiet = JSONDescent.enter
    var quietDepth = 0
    var quietStart = 0
    private var capture: [UInt8] = []

    /// - Parameters:
    ///   - depthLimit: containers inside each other; no more than `greatestDepth`.
    ///   - limits: of the token that is cut and what the sink holds, and of one captured value.
    ///   - isSequence: whether several values may follow each other (NDJSON).
    ///   - offset: what the offsets of the first piece begin with.
    init(depthLimit: Int, limits: TranscodingLimits, isSequence: Bool = false, offset: Int = 0) {
        self.depthLimit = max(0, min(depthLimit, Self.greatestDepth))
        heldLimit = limits.held
        captureLimit = limits.capture
        self.isSequence = isSequence
        consumed = offset
    }

    // MARK: - Pieces

    /// Takes the next piece.
    mutating func feed<Sink: JSONSink>(_ bytes: UnsafeRawBufferPointer, to sink: inout Sink) throws(TranscodingError) {
        var at = 0
        if part != .none { at = try resume(bytes, &sink) }
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case 0x20, 0x0A, 0x0D, 0x09: at &+= 1
            case UInt8(ascii: "\""): at = try startString(bytes, at, &sink)
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                try separate(byte, at)
                at &+= 1
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                try open(byte == UInt8(ascii: "{"), at, &sink)
                at &+= 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                try close(byte == UInt8(ascii: "}"), bytes, at, &sink)
                at &+= 1
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
                at = try startPlain(bytes, at, &sink)
            default: throw unexpected(Self.shown(byte), at)
            }
        }
        if case .capture = quiet { try keep(bytes, upTo: bytes.count) }
        consumed += bytes.count
    }

    /// Says that nothing more comes. A text without any value is none, which is for the sink to judge.
    mutating func finish<Sink: JSONSink>(to sink: inout Sink) throws(TranscodingError) {
        if part == .number || part == .word { try deliverCarried(isString: false, &sink) }
        guard part == .none, depth == 0 else {
            let inside = part == .string ? "a string" : isInObject ? "an object" : "a list"
            throw syntax("the text ends inside \(inside)", 0)
        }
    }

    private static func shown(_ byte: UInt8) -> String {
        byte > 0x20 && byte < 0x7F ? "'\(Character(Unicode.Scalar(byte)))'" : "a byte of \(byte)"
    }

    private func syntax(_ reason: String, _ at: Int) -> TranscodingError {
        TranscodingError(.syntax, reason, at: consumed + at)
    }

    private var isInObject: Bool { isObject & 1 != 0 }

    // MARK: - Structure

    private mutating func separate(_ byte: UInt8, _ at: Int) throws(TranscodingError) {
        if byte == UInt8(ascii: ":"), expected == .colon {
            expected = .value
        } else if byte == UInt8(ascii: ","), expected == .commaOrEnd {
            expected = isInObject ? .key : .value
        } else {
            throw unexpected(byte == UInt8(ascii: ":") ? "':'" : "','", at)
        }
    }

    func unexpected(_ what: String, _ at: Int) -> TranscodingError {
        let wanted =
            switch expected {
            case .value, .valueOrEnd: "a value"
            case .key, .keyOrEnd: "a name in quotes"
            case .colon: "':'"
            case .commaOrEnd: isInObject ? "',' or '}'" : "',' or ']'"
            case .nothing: "the end of the text"
            }
        return syntax("\(what) where \(wanted) is expected", at)
    }

    /// Checks that a value may stand here.
    @inline(__always)
    func needValue(_ what: StaticString, _ at: Int) throws(TranscodingError) {
        if expected == .value || expected == .valueOrEnd || (expected == .nothing && isSequence) { return }
        throw unexpected(String(describing: what), at)
    }

    private mutating func open<Sink: JSONSink>(
        _ object: Bool,
        _ at: Int,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        try needValue(object ? "'{'" : "'['", at)
        guard depth < depthLimit else {
            throw TranscodingError(.tooDeep, "it is nested deeper than \(depthLimit) levels", at: consumed + at)
        }
        depth += 1
        isObject = isObject << 1 | (object ? 1 : 0)
        expected = object ? .keyOrEnd : .valueOrEnd
        guard case .enter = quiet else { return }
        quiet = try sink.value(object ? .objectStart : .arrayStart, at: consumed + at)
        if case .enter = quiet { return }
        quietDepth = depth
        quietStart = consumed + at
        capture.removeAll(keepingCapacity: true)
    }

    private mutating func close<Sink: JSONSink>(
        _ object: Bool,
        _ bytes: UnsafeRawBufferPointer,
        _ at: Int,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        let mayEnd = expected == .commaOrEnd || expected == (object ? .keyOrEnd : .valueOrEnd)
        guard mayEnd, depth > 0, isInObject == object else { throw unexpected(object ? "'}'" : "']'", at) }
        depth -= 1
        isObject >>= 1
        expected = depth == 0 ? .nothing : .commaOrEnd
        switch quiet {
        case .enter: try sink.end(at: consumed + at)
        case .skip: if depth < quietDepth { quiet = .enter }
        case .capture: if depth < quietDepth { try endCapture(bytes, at, &sink) }
        }
    }

    // MARK: - Captured values

    private mutating func endCapture<Sink: JSONSink>(
        _ bytes: UnsafeRawBufferPointer,
        _ at: Int,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        quiet = .enter
        if quietStart >= consumed {
            // All of it is in this piece: no copy.
            let text = UnsafeRawBufferPointer(rebasing: bytes[(quietStart - consumed)...at])
            return try sink.captured(text, at: quietStart)
        }
        try keep(bytes, upTo: at + 1)
        let text = capture
        capture = []
        try text.withRawBytes { (all) throws(TranscodingError) in try sink.captured(all, at: quietStart) }
    }

    /// Adds what this piece has of the captured value.
    private mutating func keep(_ bytes: UnsafeRawBufferPointer, upTo end: Int) throws(TranscodingError) {
        let start = max(0, quietStart - consumed)
        capture.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        // A token that is cut within it is held twice.
        guard capture.count + carry.count <= captureLimit else { throw tooLong(captureLimit, quietStart) }
    }

    func tooLong(_ limit: Int, _ offset: Int) -> TranscodingError {
        TranscodingError(.tooLarge, "a message and its next value have more than \(limit) bytes", at: offset)
    }
}
