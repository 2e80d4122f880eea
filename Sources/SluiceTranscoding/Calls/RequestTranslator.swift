package import NIOCore
import SluiceCore

/// Translates the body of one request into gRPC messages, as it comes.
///
/// What it keeps is the message under way. For a unary call that is one message at the end of the body; of a stream,
/// each message is handed out as soon as it is complete. After an error it must not be used any more.
///
/// Allocates: itself, the few arrays of the message under way, and the frames handed out. Isolation: one call at a time.
package final class RequestTranslator {
    private let binding: Binding
    private let streams: Bool
    private var body: MessageBody
    private var isFinished = false

    init(
        pool: DescriptorPool,
        options: TranscodingOptions,
        binding: Binding,
        contentType: UnsafeRawBufferPointer
    ) {
        let method = pool.methods[binding.method]
        self.binding = binding
        streams = method.streamsRequests
        var root = MessageAssembler.Root(message: method.input, isStream: streams)
        if case .field(let place) = binding.body { root.field = place }
        body = MessageBody(pool: pool, options: options, root: root, contentType: contentType)
    }

    /// Whether the body means anything; if not, `finish` may be called at once, and what comes is not looked at.
    package var needsBody: Bool { binding.body != .none }

    /// Reads what the URL says.
    func bind(
        _ values: [ByteRange],
        path: UnsafeRawBufferPointer,
        query: UnsafeRawBufferPointer,
        with transcoder: Transcoder
    ) throws(TranscodingError) {
        guard !values.isEmpty || !query.isEmpty else { return }
        var binder = URLBinder(pool: transcoder.pool, options: transcoder.options, binding: binding)
        try binder.bind(values, of: path, to: &body.assembler)
        if !query.isEmpty { try binder.bind(query: query, to: &body.assembler) }
    }

    /// Takes the next piece of the body.
    ///
    /// - Returns: the messages that are complete with it, each behind its five bytes; empty when there is none.
    package func feed(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) -> ByteBuffer {
        guard needsBody else { return ByteBuffer() }
        try body.feed(bytes)
        return body.take()
    }

    /// The same for a buffer.
    package func feed(_ buffer: ByteBuffer) throws(TranscodingError) -> ByteBuffer {
        try buffer.withUnsafeReadableBytes { (bytes) throws(TranscodingError) in try feed(bytes) }
    }

    /// Says that the body is complete.
    ///
    /// - Returns: what `feed` returns, and of a unary call always the one message.
    package func finish() throws(TranscodingError) -> ByteBuffer {
        guard !isFinished else { return ByteBuffer() }
        isFinished = true
        if needsBody { try body.finish() }
        // No body at all is a message that the URL alone makes; a stream without a body has no messages.
        if messages == 0, !streams || !needsBody { try body.assembler.finishMessage() }
        return body.take()
    }

    /// Messages handed out so far.
    package var messages: Int { body.assembler.completed }
}

@available(*, unavailable)
extension RequestTranslator: Sendable {}
