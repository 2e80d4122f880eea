import NIOCore
import SluiceCore

@testable import SluiceTranscoding

/// Whole texts and messages, one way and the other.
enum Translate {
    /// The messages that a text makes, in pieces of a size; an error keeps its place.
    static func parse(
        _ text: some Sequence<UInt8>,
        as type: String,
        pieces: Int = .max,
        streams: Bool = false,
        options: TranscodingOptions = Fixture.options
    ) throws(TranscodingError) -> [[UInt8]] {
        let root = MessageAssembler.Root(message: Fixture.message(type), isStream: streams)
        var assembler = MessageAssembler(pool: Fixture.pool, options: options, root: root)
        var tokenizer = JSONTokenizer(
            depthLimit: options.limits.depth,
            limits: options.limits,
            isSequence: streams
        )
        let bytes = Array(text)
        do {
            var at = 0
            while at < bytes.count {
                let end = pieces < bytes.count - at ? at + pieces : bytes.count
                try Array(bytes[at..<end]).withRawBytes { (piece) throws(TranscodingError) in
                    try tokenizer.feed(piece, to: &assembler)
                }
                at = end
            }
            try tokenizer.finish(to: &assembler)
        } catch {
            throw error.located(assembler.path)
        }
        return frames(assembler.output)
    }

    static func parse(
        _ text: String,
        as type: String,
        pieces: Int = .max,
        streams: Bool = false,
        options: TranscodingOptions = Fixture.options
    ) throws(TranscodingError) -> [[UInt8]] {
        try parse(Array(text.utf8), as: type, pieces: pieces, streams: streams, options: options)
    }

    /// The error that a text makes, as text; nil when it makes none.
    static func failure(_ text: String, as type: String, options: TranscodingOptions = Fixture.options) -> String? {
        do {
            _ = try parse(text, as: type, options: options)
            return nil
        } catch {
            return error.description
        }
    }

    static func print(
        _ message: [UInt8],
        as type: String,
        options: TranscodingOptions = Fixture.options
    ) throws(TranscodingError) -> String {
        var printer = MessagePrinter(pool: Fixture.pool, options: options)
        try message.withRawBytes { (bytes) throws(TranscodingError) in
            try printer.append(Fixture.message(type), bytes)
        }
        return String(decoding: printer.out, as: UTF8.self)
    }

    /// The messages of gRPC frames.
    static func frames(_ buffer: ByteBuffer) -> [[UInt8]] {
        var rest = buffer
        var messages: [[UInt8]] = []
        while let flag = rest.readInteger(as: UInt8.self), let length = rest.readInteger(as: UInt32.self),
            let message = rest.readBytes(length: Int(length))
        {
            if flag == 0 { messages.append(message) }
        }
        return messages
    }

    /// Messages behind their five bytes.
    static func framed(_ messages: [[UInt8]]) -> ByteBuffer {
        var out = ByteBuffer()
        for message in messages {
            out.writeInteger(UInt8(0))
            out.writeInteger(UInt32(message.count))
            out.writeBytes(message)
        }
        return out
    }
}
