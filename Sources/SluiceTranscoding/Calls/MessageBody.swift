import NIOCore

/// A body of JSON that becomes framed protobuf messages, as it comes: the part that requests and responses share.
struct MessageBody {
    private var tokenizer: JSONTokenizer
    private var raw: RawBody?
    private let streams: Bool
    var assembler: MessageAssembler

    init(
        pool: DescriptorPool,
        options: TranscodingOptions,
        root: MessageAssembler.Root,
        contentType: UnsafeRawBufferPointer
    ) {
        assembler = MessageAssembler(pool: pool, options: options, root: root)
        streams = root.isStream
        tokenizer = JSONTokenizer(
            // The array around a stream is a level of its own.
            depthLimit: options.limits.depth + (root.isStream ? 1 : 0),
            limits: options.limits,
            isSequence: root.isStream
        )
        if RawBody.isRaw(root, pool) { raw = RawBody(contentType: contentType) }
    }

    mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        guard raw == nil else {
            try raw?.feed(bytes, streams: streams, to: &assembler)
            return
        }
        do {
            try tokenizer.feed(bytes, to: &assembler)
        } catch {
            throw error.located(assembler.path)
        }
    }

    mutating func finish() throws(TranscodingError) {
        guard raw == nil else {
            try raw?.finish(streams: streams, to: &assembler)
            return
        }
        do {
            try tokenizer.finish(to: &assembler)
        } catch {
            throw error.located(assembler.path)
        }
    }

    /// The messages that are complete, which are the caller's from now on.
    mutating func take() -> ByteBuffer {
        var frames = ByteBuffer()
        swap(&frames, &assembler.output)
        return frames
    }
}
