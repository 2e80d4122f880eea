package import NIOCore

/// Translates the body of a REST service's response into gRPC messages, as it comes.
///
/// Of a unary call it is one message at the end; of a stream each value of an array, or of lines, is one. Members that
/// the message does not have are ignored: a service may add some at any time. Isolation: one call at a time.
package final class RestResponseTranslator {
    private var body: MessageBody
    private let streams: Bool

    init(
        pool: DescriptorPool,
        options: TranscodingOptions,
        binding: Binding,
        contentType: UnsafeRawBufferPointer
    ) {
        let method = pool.methods[binding.method]
        streams = method.streamsResponses
        let root = MessageAssembler.Root(message: method.output, field: binding.responseBody, isStream: streams)
        var options = options
        options.unknownFields = .ignore
        body = MessageBody(pool: pool, options: options, root: root, contentType: contentType)
    }

    /// Takes the next piece of the body.
    ///
    /// - Returns: the messages that are complete with it, each behind its five bytes; empty when there is none.
    package func feed(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) -> ByteBuffer {
        try body.feed(bytes)
        return body.take()
    }

    /// The same for a buffer.
    package func feed(_ buffer: ByteBuffer) throws(TranscodingError) -> ByteBuffer {
        try buffer.withUnsafeReadableBytes { (bytes) throws(TranscodingError) in try feed(bytes) }
    }

    /// Says that the body is complete. A unary call without a body, as with 204, is answered with an empty message.
    package func finish() throws(TranscodingError) -> ByteBuffer {
        try body.finish()
        if !streams, body.assembler.completed == 0 { try body.assembler.finishMessage() }
        return body.take()
    }
}

@available(*, unavailable)
extension RestResponseTranslator: Sendable {}
