package import NIOCore
import SluiceCore

/// Translates the gRPC messages of one response into JSON, as they come.
///
/// What it keeps is a message that is not complete. After an error it must not be used any more; nothing of the message
/// that failed was handed out. Allocates: itself, what a message under way needs, and the text handed out.
/// Isolation: one call at a time.
package final class ResponseTranslator {
    private let output: Int
    private let field: Int?
    private let streams: Bool
    private let format: ResponseFormat
    private let options: TranscodingOptions
    private var frames: FrameReader
    private var printer: MessagePrinter
    private var raw: RawResponse?

    /// Messages translated so far.
    package private(set) var messages = 0

    init(pool: DescriptorPool, options: TranscodingOptions, binding: Binding, format: ResponseFormat) {
        let method = pool.methods[binding.method]
        output = method.output
        field = binding.responseBody
        streams = method.streamsResponses
        self.format = method.streamsResponses ? format : .array
        frames = FrameReader(limit: options.limits.message)
        var options = options
        // Lines and events end at a line break.
        if self.format != .array { options.print.addWhitespace = false }
        self.options = options
        printer = MessagePrinter(pool: pool, options: options)
        raw = RawResponse(pool, message: output, field: field)
    }

    /// The media type of the response's body.
    ///
    /// Where the response is a `google.api.HttpBody` it is what the first message says, so nil until that has come.
    package var contentType: String? {
        guard let raw else { return format.contentType }
        return messages == 0 ? nil : raw.contentType
    }

    /// Takes the next piece of the gRPC response's body.
    ///
    /// - Returns: the text of the messages that are complete with it; empty when there is none.
    package func feed(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) -> ByteBuffer {
        try frames.feed(bytes) { message throws(TranscodingError) in try translate(message) }
        return take()
    }

    /// The same for a buffer.
    package func feed(_ buffer: ByteBuffer) throws(TranscodingError) -> ByteBuffer {
        try buffer.withUnsafeReadableBytes { (bytes) throws(TranscodingError) in try feed(bytes) }
    }

    private func translate(_ message: UnsafeRawBufferPointer) throws(TranscodingError) {
        guard streams || messages == 0 else {
            throw TranscodingError(.count, "a unary call was answered with more than one message")
        }
        if raw != nil {
            try raw?.append(message, isFirst: messages == 0, to: &printer.out)
        } else {
            begin()
            if let field {
                try printer.append(field: field, of: output, message)
            } else {
                try printer.append(output, message)
            }
            end()
        }
        messages += 1
    }

    private func begin() {
        guard streams else { return }
        switch format {
        case .array: printer.out.append(UInt8(ascii: messages == 0 ? "[" : ","))
        case .serverSentEvents: printer.out.append("data: ")
        case .newlineDelimited: break
        }
    }

    private func end() {
        guard streams else { return }
        switch format {
        case .array: break
        case .serverSentEvents: printer.out.append("\n\n")
        case .newlineDelimited: printer.out.append("\n")
        }
    }

    /// Says that the response has ended well.
    ///
    /// - Returns: what closes the body.
    /// - Throws: when a message is cut short, or a unary call has none.
    package func finish() throws(TranscodingError) -> ByteBuffer {
        guard frames.isComplete else { throw TranscodingError(.wire, "the response ends inside a message") }
        guard streams || messages > 0 else {
            throw TranscodingError(.count, "a unary call was answered without a message")
        }
        if streams, format == .array, raw == nil { printer.out.append(messages == 0 ? "[]" : "]") }
        return take()
    }

    /// Says that the response has ended with an error after its head was sent.
    ///
    /// Lines and events can tell: the result is an object with `error`, of events in one of the type `error`. A JSON
    /// array cannot, nor can raw bytes: nil says that the body must be cut off instead of being ended, since a client
    /// would take what it has for the whole.
    package func fail(_ status: RPCStatus) -> ByteBuffer? {
        guard streams, raw == nil, format != .array else { return nil }
        printer.out.append(format == .serverSentEvents ? "event: error\ndata: {\"error\":" : "{\"error\":")
        printer.out += status.json(pool: printer.pool, options: options)
        printer.out.append(format == .serverSentEvents ? "}\n\n" : "}\n")
        return take()
    }

    private func take() -> ByteBuffer {
        guard !printer.out.isEmpty else { return ByteBuffer() }
        let text = ByteBuffer(bytes: printer.out)
        // What a large message made large is not kept for the rest of a stream.
        printer.out.removeAll(keepingCapacity: printer.out.capacity <= 1 << 16)
        return text
    }
}

@available(*, unavailable)
extension ResponseTranslator: Sendable {}
