/// The header of a frame (RFC 9113, section 4.1).
struct HTTP2FrameHead: Equatable {
    /// Bytes behind the header.
    var length = 0
    var type: UInt8 = 0
    var flags: UInt8 = 0
    var stream: Int32 = 0

    /// END_STREAM, of DATA and HEADERS.
    var endsStream: Bool { flags & 0x1 != 0 }
    /// ACK, of PING and SETTINGS.
    var isAck: Bool { flags & 0x1 != 0 }
    /// END_HEADERS, of HEADERS and CONTINUATION.
    var endsHeaders: Bool { flags & 0x4 != 0 }
}

/// Finds the frames in the input, so that each can be judged before the library reads it.
///
/// The library does not tell of frames that it ignores, however many there are, nor what PRIORITY says.
///
/// A plain value. Isolation: its session.
struct HTTP2FrameScanner {
    /// The next bytes of the input.
    struct Step: Equatable {
        /// How many of them belong together: to one frame, or to the preface.
        var count: Int
        /// The frame whose header is complete with them.
        var head: HTTP2FrameHead?
    }

    /// Bytes of the client's preface that are still to come.
    private var prefaceLeft: Int
    private var head = HTTP2FrameHead()
    /// Bytes of the header that have come, 0 to 8 while it is incomplete.
    private var headCount = 0
    private var stream: UInt32 = 0
    private var payloadLeft = 0
    private var parent: UInt32 = 0
    private var parentLeft = 0

    /// Whether a header block has begun that is not complete.
    private(set) var isInHeaderBlock = false
    /// Whether a PRIORITY frame makes its stream depend on itself (RFC 7540, section 5.3.1).
    private(set) var dependsOnItself = false

    /// - Parameter preface: bytes ahead of the first frame.
    init(preface: Int) { prefaceLeft = preface }

    /// Takes bytes off the input, which is not empty.
    mutating func next(_ input: UnsafeRawBufferPointer) -> Step {
        if prefaceLeft > 0 {
            let count = min(prefaceLeft, input.count)
            prefaceLeft -= count
            return Step(count: count)
        }
        var at = 0
        var found: HTTP2FrameHead?
        if payloadLeft == 0 {
            at = readHead(input)
            guard headCount == 9 else { return Step(count: at) }
            headCount = 0
            begin()
            found = head
        }
        let payload = min(payloadLeft, input.count - at)
        if parentLeft > 0 { readParent(UnsafeRawBufferPointer(rebasing: input[at..<at + payload])) }
        payloadLeft -= payload
        if payloadLeft == 0, isHeaders, head.endsHeaders { isInHeaderBlock = false }
        return Step(count: at + payload, head: found)
    }

    /// - Returns: how many bytes of the input belong to the header.
    private mutating func readHead(_ input: UnsafeRawBufferPointer) -> Int {
        if headCount == 0, input.count >= 9 {
            let front = UInt64(bigEndian: input.loadUnaligned(as: UInt64.self))
            head.length = Int(truncatingIfNeeded: front &>> 40)
            head.type = UInt8(truncatingIfNeeded: front &>> 32)
            head.flags = UInt8(truncatingIfNeeded: front &>> 24)
            stream = UInt32(truncatingIfNeeded: front) &<< 8 | UInt32(input[8])
            headCount = 9
            return 9
        }
        let count = min(9 - headCount, input.count)
        for i in 0..<count {
            switch headCount {
            case 0: head.length = Int(input[i]) << 16
            case 1: head.length |= Int(input[i]) << 8
            case 2: head.length |= Int(input[i])
            case 3: head.type = input[i]
            case 4: head.flags = input[i]
            default: stream = stream << 8 | UInt32(input[i])
            }
            headCount += 1
        }
        return count
    }

    private mutating func begin() {
        head.stream = Int32(bitPattern: stream & 0x7FFF_FFFF)
        payloadLeft = head.length
        parentLeft = head.type == Self.priority && head.length == 5 ? 4 : 0
        parent = 0
        if isHeaders { isInHeaderBlock = true }
    }

    private mutating func readParent(_ payload: UnsafeRawBufferPointer) {
        for byte in payload.prefix(parentLeft) {
            parent = parent << 8 | UInt32(byte)
            parentLeft -= 1
        }
        if parentLeft == 0, parent & 0x7FFF_FFFF == UInt32(bitPattern: head.stream) { dependsOnItself = true }
    }

    private var isHeaders: Bool { head.type == Self.headers || head.type == Self.continuation }

    private static let headers: UInt8 = 1
    private static let priority: UInt8 = 2
    private static let continuation: UInt8 = 9
}
