import SluiceCore

/// How the messages of a response become one body.
package enum ResponseFormat: String, CaseIterable, Sendable {
    /// `[{...},{...}]`; of a unary call the bare value.
    case array
    /// One value per line.
    case newlineDelimited = "ndjson"
    /// One event per value (HTML, "Server-sent events").
    case serverSentEvents = "sse"

    /// The media type of the response.
    package var contentType: String {
        switch self {
        case .array: "application/json"
        case .newlineDelimited: "application/x-ndjson"
        case .serverSentEvents: "text/event-stream"
        }
    }

    /// The format that an `Accept` field prefers: of those it names the one with the highest quality, of equals the first.
    ///
    /// - Parameters:
    ///   - accept: the value of the field; several may be joined by commas.
    ///   - fallback: what it is when the field names none of the formats.
    package static func preferred(by accept: UnsafeRawBufferPointer, fallback: ResponseFormat) -> ResponseFormat {
        var best: (format: ResponseFormat, quality: Int)?
        for range in accept.split(separator: UInt8(ascii: ",")) {
            let parts = range.split(separator: UInt8(ascii: ";"))
            guard let type = parts.first, let format = named(ASCII.trimmed(UnsafeRawBufferPointer(rebasing: type)))
            else { continue }
            let quality = quality(parts.dropFirst())
            if quality > best?.quality ?? 0 { best = (format, quality) }
        }
        return best?.format ?? fallback
    }

    private static func named(_ type: UnsafeRawBufferPointer) -> ResponseFormat? {
        if ASCII.equalsFolded(type, "application/json") { return .array }
        if ASCII.equalsFolded(type, "text/event-stream") { return .serverSentEvents }
        if ASCII.equalsFolded(type, "application/x-ndjson") || ASCII.equalsFolded(type, "application/ndjson")
            || ASCII.equalsFolded(type, "application/jsonl")
        {
            return .newlineDelimited
        }
        return nil
    }

    /// In thousandths (RFC 9110, section 12.4.2); a malformed one is the highest.
    private static func quality(_ parameters: some Sequence<Slice<UnsafeRawBufferPointer>>) -> Int {
        for parameter in parameters {
            let text = ASCII.trimmed(UnsafeRawBufferPointer(rebasing: parameter))
            guard text.count >= 3, ASCII.lowercased(text[0]) == UInt8(ascii: "q"), text[1] == UInt8(ascii: "=") else {
                continue
            }
            let value = DecimalNumber(UnsafeRawBufferPointer(rebasing: text[2...]))?.double ?? 1
            return Int(max(0, min(1, value)) * 1000)
        }
        return 1000
    }
}
