import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore

/// One message as SwiftNIO's decoder sees it.
struct NIOMessage: Equatable {
    /// Method and target, or the status.
    var start: String
    var minorVersion: Int
    /// Values without the white space behind them, which SwiftNIO keeps; bytes that are not UTF-8 are lost in both.
    var fields: [FieldText]
    var body: [UInt8] = []
    var trailers: [FieldText]?
    var isComplete = false
}

/// What SwiftNIO's decoder made of a connection.
struct NIOReading {
    var messages: [NIOMessage] = []
    /// Why it stopped; nil: it did not.
    var error: String?

    var complete: [NIOMessage] { messages.filter(\.isComplete) }
}

enum NIODecoder {
    static func requests(_ bytes: [UInt8]) -> NIOReading {
        let channel = EmbeddedChannel(
            handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
        )
        var reading = feed(bytes, to: channel, endsInput: false)
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head):
                reading.messages.append(
                    NIOMessage(
                        // SwiftNIO spells this one method without its hyphen.
                        start: "\(head.method == .MSEARCH ? "M-SEARCH" : head.method.rawValue) \(head.uri)",
                        minorVersion: head.version.minor,
                        fields: lines(head.headers)
                    )
                )
            case .body(let buffer): reading.add(body: buffer)
            case .end(let trailers): reading.complete(trailers.map(lines))
            }
        }
        return reading
    }

    /// Answers to requests with these methods.
    static func responses(_ bytes: [UInt8], to methods: [HTTPMethod]) -> NIOReading {
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward)
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(decoder))
        for method in methods {
            let head = HTTPRequestHead(version: .http1_1, method: method, uri: "/")
            _ = try? channel.writeOutbound(HTTPClientRequestPart.head(head))
        }
        var reading = feed(bytes, to: channel, endsInput: true)
        while let part = try? channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head(let head):
                let (status, minor) = (Int(head.status.code), head.version.minor)
                reading.messages.append(
                    NIOMessage(start: "\(status)", minorVersion: minor, fields: lines(head.headers))
                )
                // An interim answer has no end of its own.
                if status < 200, status != 101 { reading.complete(nil) }
            case .body(let buffer): reading.add(body: buffer)
            case .end(let trailers): reading.complete(trailers.map(lines))
            }
        }
        return reading
    }

    private static func feed(_ bytes: [UInt8], to channel: EmbeddedChannel, endsInput: Bool) -> NIOReading {
        var reading = NIOReading()
        do {
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        } catch {
            reading.error = "\(error)"
        }
        do {
            _ = try channel.finish(acceptAlreadyClosed: true)
        } catch {
            // The end of the input in the middle of a message is a mistake only where it ends the body.
            if endsInput, reading.error == nil { reading.error = "at the end: \(error)" }
        }
        return reading
    }

    private static func lines(_ headers: HTTPHeaders) -> [FieldText] {
        headers.map { name, value in
            let end =
                value.utf8.lastIndex { $0 != 0x20 && $0 != 0x09 }.map { value.utf8.index(after: $0) }
                ?? value.startIndex
            return FieldText(name: name, value: String(value[..<end]))
        }
    }
}

extension NIOReading {
    fileprivate mutating func add(body: ByteBuffer) {
        guard !messages.isEmpty else { return }
        messages[messages.count - 1].body += Array(buffer: body)
    }

    fileprivate mutating func complete(_ trailers: [FieldText]?) {
        guard !messages.isEmpty else { return }
        messages[messages.count - 1].trailers = trailers
        messages[messages.count - 1].isComplete = true
    }
}
