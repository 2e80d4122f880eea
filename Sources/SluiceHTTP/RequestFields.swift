package import SluiceCore

/// Parameters of a query string (WHATWG URL, `application/x-www-form-urlencoded`, read without decoding).
package enum QueryParameters {
    /// The raw value of the first parameter of that name; empty where it has no `=`.
    package static func first(_ name: some Collection<UInt8>, in request: RequestHead) -> ByteRange? {
        guard let query = request.query else { return nil }
        return request.fields.withBytes(query) { bytes in
            var start = 0
            for i in 0...bytes.count where i == bytes.count || bytes[i] == UInt8(ascii: "&") {
                var end = start
                while end < i, bytes[end] != UInt8(ascii: "=") { end += 1 }
                if bytes[start..<end].elementsEqual(name) {
                    let valueStart = min(end + 1, i)
                    return ByteRange(start: Int(query.start) + valueStart, count: i - valueStart)
                }
                start = i + 1
            }
            return nil
        }
    }

    package static func first(_ name: String, in request: RequestHead) -> ByteRange? { first(name.utf8, in: request) }
}

/// Cookies of a request (RFC 6265, section 4.2.1).
package enum Cookies {
    /// The value of the first cookie of that name.
    package static func value(_ name: some Collection<UInt8>, in request: RequestHead) -> ByteRange? {
        var from = 0
        while let i = request.fields.firstIndex(of: .cookie, from: from) {
            let field = request.fields.entries[i].valueRange
            if let found = request.fields.withBytes(field, { find(name, in: $0) }) {
                return ByteRange(start: Int(field.start) + Int(found.start), count: Int(found.count))
            }
            from = i + 1
        }
        return nil
    }

    package static func value(_ name: String, in request: RequestHead) -> ByteRange? { value(name.utf8, in: request) }

    private static func find(_ name: some Collection<UInt8>, in bytes: UnsafeRawBufferPointer) -> ByteRange? {
        var start = 0
        for i in 0...bytes.count where i == bytes.count || bytes[i] == UInt8(ascii: ";") {
            while start < i, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
            var end = start
            while end < i, bytes[end] != UInt8(ascii: "=") { end += 1 }
            if end < i, bytes[start..<end].elementsEqual(name) {
                return ByteRange(start: end + 1, count: i - end - 1)
            }
            start = i + 1
        }
        return nil
    }
}
