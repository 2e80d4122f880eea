internal import SluiceConfig
internal import SluiceCore

/// What the linear matcher looks at, as text and lists: slow, and plain to read.
struct RequestFacts {
    let method: String
    let host: String
    let path: [UInt8]
    /// Decoded, in order.
    let query: [(name: [UInt8], value: [UInt8])]
    /// Names in lower case, in order.
    let headers: [(name: String, value: [UInt8])]
    let listener: Int
    let source: IPAddress?
    let sni: String?
    /// A CORS preflight that is matched as the request it asks for.
    let isPreflight: Bool

    init(_ head: RequestHead, _ context: RouteContext) {
        func bytes(_ range: ByteRange) -> [UInt8] { head.fields.withBytes(range) { Array($0) } }
        headers = head.fields.entries.filter { !$0.isRemoved }.map { entry in
            (name: head.fields.string(entry.nameRange).lowercased(), value: bytes(entry.valueRange))
        }
        var method = Self.name(of: head)
        var isPreflight = false
        if context.matchesPreflights, method == "OPTIONS", headers.contains(where: { $0.name == "origin" }),
            let asked = headers.first(where: { $0.name == "access-control-request-method" })
        {
            method = String(decoding: asked.value, as: UTF8.self)
            isPreflight = true
        }
        self.method = method
        self.isPreflight = isPreflight
        host = head.fields.string(head.host)
        path = bytes(head.path)
        query = (head.query.map(bytes) ?? []).split(separator: UInt8(ascii: "&")).map(Self.parameter)
        listener = context.listener
        source = context.source
        sni = context.sni.map { String(decoding: $0, as: UTF8.self).lowercased() }
    }

    private static func name(of head: RequestHead) -> String {
        switch head.method {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .other: head.fields.string(head.methodRange)
        }
    }

    private static func parameter(_ text: ArraySlice<UInt8>) -> (name: [UInt8], value: [UInt8]) {
        let parts = text.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : [])
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                let value = UInt8(truncatingIfNeeded: digits[0] * 16 + digits[1])
                out.append(value)
                rest = rest.dropFirst(2)
            } else {
                out.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return out
    }

    /// The value of a header: its lines joined with commas (RFC 9110, section 5.3); nil if there is none.
    func header(_ name: String) -> [UInt8]? {
        let lines = headers.filter { $0.name == name.lowercased() }.map(\.value)
        return lines.isEmpty ? nil : Array(lines.joined(separator: [UInt8(ascii: ",")]))
    }

    /// The first value of a query parameter, nil if there is none.
    func parameter(_ name: String) -> [UInt8]? {
        query.first { $0.name == Array(name.utf8) }?.value
    }
}
