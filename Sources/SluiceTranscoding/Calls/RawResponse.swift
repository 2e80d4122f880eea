import SluiceCore

/// Messages whose JSON form is no JSON but the `data` of a `google.api.HttpBody`, as it is.
struct RawResponse {
    private let field: UInt32?
    private(set) var contentType = "application/octet-stream"

    /// Nil when the response is something else.
    init?(_ pool: DescriptorPool, message: Int, field: Int?) {
        let root = MessageAssembler.Root(message: message, field: field)
        guard RawBody.isRaw(root, pool) else { return nil }
        self.field = field.map { pool.fields[$0].number }
    }

    mutating func append(
        _ message: UnsafeRawBufferPointer,
        isFirst: Bool,
        to out: inout [UInt8]
    ) throws(TranscodingError) {
        var body = message
        if let field {
            var outer = WireReader(message)
            body = UnsafeRawBufferPointer(start: nil, count: 0)
            while let found = try outer.next() {
                if found.number == field, found.type == .bytes { body = outer.content(found) }
            }
        }
        var reader = WireReader(body)
        while let found = try reader.next() {
            guard found.type == .bytes else { continue }
            if found.number == 2 { out.append(reader.content(found)) }
            if found.number == 1, isFirst { contentType = Self.clean(reader.content(found)) ?? contentType }
        }
    }

    /// A media type that may stand in a header. Spaces around it may not, over HTTP/2 (RFC 9113, section 8.2.1).
    private static func clean(_ value: UnsafeRawBufferPointer) -> String? {
        let bytes = ASCII.trimmed(value)
        guard !bytes.isEmpty, bytes.allSatisfy({ ASCII.isFieldValue($0) && $0 < 0x7F }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
