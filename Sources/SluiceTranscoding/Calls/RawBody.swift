/// A body that is no JSON but the `data` of a `google.api.HttpBody`, as it is.
///
/// Of a unary call the whole body is one message; of a stream each piece is one, as it comes.
struct RawBody {
    private let contentType: [UInt8]
    private var data: [UInt8] = []
    private var hasMessages = false

    /// Whether what the body makes is a `google.api.HttpBody`.
    static func isRaw(_ root: MessageAssembler.Root, _ pool: DescriptorPool) -> Bool {
        guard let place = root.field else { return pool.messages[root.message].wellKnown == .httpBody }
        let field = pool.fields[place]
        return field.kind == .message && field.shape == .singular
            && pool.messages[Int(field.type)].wellKnown == .httpBody
    }

    init(contentType: UnsafeRawBufferPointer) { self.contentType = Array(contentType) }

    mutating func feed(
        _ bytes: UnsafeRawBufferPointer,
        streams: Bool,
        to assembler: inout MessageAssembler
    ) throws(TranscodingError) {
        if streams {
            // How bytes come in pieces says nothing about the client: what is too long for a message makes several.
            var rest = bytes
            let limit = max(1, assembler.options.limits.message / 2)
            while !rest.isEmpty {
                try message(UnsafeRawBufferPointer(rebasing: rest.prefix(limit)), &assembler)
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(limit))
            }
            return
        }
        guard data.count + bytes.count <= assembler.options.limits.message else { throw assembler.tooLarge(nil) }
        data.append(bytes)
    }

    mutating func finish(streams: Bool, to assembler: inout MessageAssembler) throws(TranscodingError) {
        if streams { return }
        let whole = data
        data = []
        try whole.withRawBytes { (bytes) throws(TranscodingError) in try message(bytes, &assembler) }
    }

    /// The type is told with the first message only.
    private mutating func message(
        _ bytes: UnsafeRawBufferPointer,
        _ assembler: inout MessageAssembler
    ) throws(TranscodingError) {
        if let place = assembler.root.field {
            assembler.buffer.bytes.appendVarint(assembler.pool.fields[place].tag)
            assembler.buffer.openLength()
        }
        if !hasMessages, !contentType.isEmpty {
            contentType.withUnsafeBytes { assembler.buffer.bytes.appendField(1, $0) }
        }
        if !bytes.isEmpty { assembler.buffer.bytes.appendField(2, bytes) }
        if assembler.root.field != nil { assembler.buffer.closeLength() }
        hasMessages = true
        try assembler.finishMessage()
    }
}
