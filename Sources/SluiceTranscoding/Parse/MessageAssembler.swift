import NIOCore
import SluiceCore

/// Makes protobuf messages of the JSON that a tokenizer tells it about, by the proto3 JSON mapping.
///
/// It keeps one frame per open container and writes every value at once, so that what is in memory is the one message
/// under way. Complete messages go to `output`, each behind the five bytes that gRPC puts in front.
///
/// Allocates: when one of its arrays grows. Isolation: one call at a time, any thread.
struct MessageAssembler {
    /// `Any` values inside each other: each level reads its text twice.
    static let anyDepth = 8

    /// What the JSON text is.
    struct Root {
        /// The message that each value makes.
        var message: Int
        /// The field of it that the values are for; nil when they are the message itself.
        var field: Int?
        /// Whether many values may come, in an array or one behind the other.
        var isStream = false
    }

    let pool: DescriptorPool
    let options: TranscodingOptions
    let root: Root
    /// Complete messages, framed.
    var output = ByteBuffer()
    /// Messages completed so far.
    private(set) var completed = 0

    var buffer = MessageBuffer()
    var frames: [Frame] = []
    /// Bits of the fields and oneofs that open messages have, 64 to a word.
    var seen: [UInt64] = []
    var keys: KeySet
    /// The keys of open maps, for error texts.
    var keyText: [UInt8] = []
    /// Values of type `Any` that are open, and what the one is written into whose text is awaited.
    var anyCount = 0
    var pendingAny = Enclosing()
    /// What the URL says, for the first message.
    var bindings: [BoundField] = []
    /// Fields by which the bindings are reached, one path behind the other.
    var boundPath: [Int] = []

    init(pool: DescriptorPool, options: TranscodingOptions, root: Root) {
        self.pool = pool
        self.options = options
        self.root = root
        keys = KeySet(secret: options.secret)
        frames.reserveCapacity(8)
        frames.append(Frame(.root, mark: buffer.mark))
    }

    /// The frame under way; there is always one.
    var top: Int { frames.count - 1 }

    func error(_ kind: TranscodingError.Kind, _ reason: String, _ offset: Int?) -> TranscodingError {
        TranscodingError(kind, reason, at: offset, path: path)
    }

    // MARK: - Messages

    /// Ends the message under way and hands it out.
    mutating func finishMessage() throws(TranscodingError) {
        let size = buffer.size
        guard size <= options.limits.message, let length = UInt32(exactly: size) else { throw tooLarge(nil) }
        output.reserveCapacity(minimumWritableBytes: size + 5)
        output.writeInteger(UInt8(0))
        output.writeInteger(length)
        buffer.write(to: &output)
        completed += 1
        buffer.reset()
        keys.reset()
        bindings.removeAll(keepingCapacity: true)
        boundPath.removeAll(keepingCapacity: true)
    }

    func tooLarge(_ offset: Int?) -> TranscodingError {
        error(.tooLarge, "the message has more than \(options.limits.message) bytes", offset)
    }

    // MARK: - Frames

    /// What has to happen when a value is complete.
    mutating func endValue() throws(TranscodingError) {
        let top = top
        switch frames[top].kind {
        case .message:
            if frames[top].binding >= 0 { try settleBinding() }
            frames[top].field = -1
        case .list, .packed, .values: frames[top].count += 1
        case .map, .members: buffer.closeLength()
        case .stream:
            try finishMessage()
            frames[top].count += 1
        case .root: try finishMessage()
        case .any, .anyMembers: break
        }
    }

    /// Opens a message whose tag and lengths are written.
    mutating func pushMessage(_ type: Int, _ enclosing: Enclosing, isInAny: Bool = false) {
        var frame = Frame(.message, mark: buffer.mark)
        frame.type = type
        frame.lengths = enclosing.lengths
        frame.group = enclosing.group
        frame.isInAny = isInAny
        frame.seen = seen.count
        frame.bound = boundBelow()
        for _ in 0..<pool.messages[type].seenWords { seen.append(0) }
        frames.append(frame)
        if frame.bound != 0 { noteBoundOneofs() }
    }

    mutating func push(_ kind: Frame.Kind, field: Int, _ enclosing: Enclosing = Enclosing()) {
        var frame = Frame(kind, mark: buffer.mark)
        frame.field = field
        frame.lengths = enclosing.lengths
        frame.group = enclosing.group
        if kind == .map || kind == .members {
            frame.seen = Int(truncatingIfNeeded: keys.newMap())
            frame.count = keyText.count
        }
        frames.append(frame)
    }

    /// Notes a field or oneof of the message under way; false when it was noted before.
    mutating func note(_ bit: Int) -> Bool {
        let word = frames[top].seen + bit / 64
        let mask: UInt64 = 1 << UInt64(bit % 64)
        guard word < seen.count else { return true }
        defer { seen[word] |= mask }
        return seen[word] & mask == 0
    }

    // MARK: - Place

    /// Where the value under way is: `$.items[3].price`. Made for errors only.
    var path: String {
        var path = "$"
        for (at, frame) in frames.enumerated() {
            switch frame.kind {
            case .root, .any: break
            case .message: if frame.field >= 0 { path += ".\(pool.jsonName(ofField: frame.field))" }
            case .anyMembers: if frame.field >= 0 { path += ".value" }
            case .list, .packed, .values, .stream: path += "[\(frame.count)]"
            case .map, .members: path += key(of: at).map { "[\"\($0)\"]" } ?? ""
            }
        }
        return path
    }

    /// The key of a map that is under way.
    private func key(of place: Int) -> String? {
        let start = frames[place].count
        let next = frames[(place + 1)...].first { $0.kind == .map || $0.kind == .members }
        let end = next?.count ?? keyText.count
        guard start < end, end <= keyText.count else { return nil }
        return keyText[start..<end].withUnsafeBytes { TranscodingError.excerpt($0) }
    }
}
