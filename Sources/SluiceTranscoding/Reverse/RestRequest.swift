/// A call of a REST service, made of a gRPC request.
package struct RestRequest: Hashable, Sendable {
    package let method: String
    /// With its query, escaped.
    package let target: [UInt8]
    /// JSON, or the data of a `google.api.HttpBody`; nil for none.
    package let body: [UInt8]?
    /// Of the body.
    package let contentType: String
}

/// Makes the call of a REST service out of a gRPC request and a binding: what `URLBinder` does, the other way round.
struct RestRequestBuilder {
    private let pool: DescriptorPool
    private let options: TranscodingOptions
    private let binding: Binding
    private var text: FieldText
    private var target: [UInt8] = []
    private var hasQuery = false

    init(pool: DescriptorPool, options: TranscodingOptions, binding: Binding) {
        self.pool = pool
        self.options = options
        self.binding = binding
        text = FieldText(pool: pool, options: options)
    }

    mutating func build(_ message: UnsafeRawBufferPointer) throws(TranscodingError) -> RestRequest {
        try path(message)
        var taken = binding.variables.map { $0.fields[...] }
        let body = try body(message, taken)
        if case .field(let place) = binding.body { taken.append([place]) }
        if binding.body != .message {
            let rest = try WireFilter.removing(taken, from: message, pool)
            try rest.withRawBytes { (bytes) throws(TranscodingError) in
                try query(bytes, pool.methods[binding.method].input, [], 0)
            }
        }
        return RestRequest(
            method: binding.httpMethod == "*" ? "POST" : binding.httpMethod,
            target: target,
            body: body?.bytes,
            contentType: body?.type ?? ""
        )
    }

    // MARK: - Path

    private mutating func path(_ message: UnsafeRawBufferPointer) throws(TranscodingError) {
        let segments = binding.path.segments
        var at = 0
        while at < segments.count {
            target.append(UInt8(ascii: "/"))
            if let variable = binding.variables.first(where: { $0.segments.lowerBound == at }) {
                try append(variable, message)
                at = variable.segments.upperBound
                continue
            }
            guard case .literal(let literal) = segments[at] else {
                throw TranscodingError(
                    .unprintable,
                    "the template \(binding.template) has a wildcard that no field stands for"
                )
            }
            literal.withUnsafeBytes { PercentCoding.encode($0, into: &target) }
            at += 1
        }
        if segments.isEmpty { target.append(UInt8(ascii: "/")) }
        guard !binding.path.verb.isEmpty else { return }
        target.append(UInt8(ascii: ":"))
        binding.path.verb.withUnsafeBytes { PercentCoding.encode($0, into: &target) }
    }

    private mutating func append(
        _ variable: Binding.Variable,
        _ message: UnsafeRawBufferPointer
    ) throws(TranscodingError) {
        let value = try text.text(of: variable.fields, in: message)
        guard fits(value, variable) else {
            let name = variable.fields.map { pool.protoName(ofField: $0) }.joined(separator: ".")
            let shown = value.withUnsafeBytes { TranscodingError.excerpt($0) }
            throw TranscodingError(.value, "'\(shown)' does not fit \(binding.template)", path: name)
        }
        guard variable.isMulti else {
            return value.withUnsafeBytes { PercentCoding.encode($0, into: &target) }
        }
        // An escaped slash was kept as it is when such a value was read.
        for (place, part) in value.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).enumerated() {
            if place > 0 { target.append(UInt8(ascii: "/")) }
            appendKeepingSlashEscapes(part)
        }
    }

    private mutating func appendKeepingSlashEscapes(_ part: ArraySlice<UInt8>) {
        var rest = part
        while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
            let escape = rest[percent...].prefix(3)
            let isSlash = escape.elementsEqual("%2F".utf8) || escape.elementsEqual("%2f".utf8)
            let end = percent + (isSlash ? 0 : 1)
            rest[..<end].withUnsafeBytes { PercentCoding.encode($0, into: &target) }
            if isSlash { target += escape }
            rest = rest[(percent + (isSlash ? 3 : 1))...]
        }
        rest.withUnsafeBytes { PercentCoding.encode($0, into: &target) }
    }

    /// Whether a value is what the template says, so that it cannot lead to another path than this one.
    private func fits(_ value: [UInt8], _ variable: Binding.Variable) -> Bool {
        if Self.holdsDots(value) { return false }
        guard variable.isMulti else { return !value.isEmpty }
        let parts = value.isEmpty ? [] : value.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let pattern = binding.path.segments[variable.segments]
        if parts.contains(where: \.isEmpty) { return false }
        let rest = pattern.firstIndex(of: .rest)
        guard rest == nil ? parts.count == pattern.count : parts.count >= pattern.count - 1 else { return false }
        let front = pattern[..<(rest ?? pattern.endIndex)]
        let back = rest.map { pattern[($0 + 1)...] } ?? []
        return zip(front, parts).allSatisfy(Self.isLike) && zip(back, parts.suffix(back.count)).allSatisfy(Self.isLike)
    }

    private static func isLike(_ segment: BindingTemplate.Segment, _ part: ArraySlice<UInt8>) -> Bool {
        if case .literal(let text) = segment { part.elementsEqual(text) } else { true }
    }

    /// `.` and `..` are resolved by whoever gets the path, by some behind an escaped slash too.
    private static func holdsDots(_ value: [UInt8]) -> Bool {
        var start = 0
        var at = 0
        while at <= value.count {
            let isEscape =
                at + 2 < value.count && value[at] == UInt8(ascii: "%") && value[at + 1] == UInt8(ascii: "2")
                && value[at + 2] | 0x20 == UInt8(ascii: "f")
            if at == value.count || value[at] == UInt8(ascii: "/") || isEscape {
                let part = value[start..<at]
                if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) { return true }
                start = at + (isEscape ? 3 : 1)
                at = start
            } else {
                at += 1
            }
        }
        return false
    }

    // MARK: - Body

    private func body(
        _ message: UnsafeRawBufferPointer,
        _ taken: [ArraySlice<Int>]
    ) throws(TranscodingError) -> (bytes: [UInt8], type: String)? {
        let input = pool.methods[binding.method].input
        var root = MessageAssembler.Root(message: input)
        var printer = MessagePrinter(pool: pool, options: options)
        switch binding.body {
        case .none: return nil
        case .field(let place): root.field = place
        case .message: break
        }
        if var raw = RawResponse(pool, message: input, field: root.field) {
            var data: [UInt8] = []
            try raw.append(message, isFirst: true, to: &data)
            return (data, raw.contentType)
        }
        if let place = root.field {
            try printer.append(field: place, of: input, message)
        } else {
            let rest = try WireFilter.removing(taken, from: message, pool)
            try rest.withRawBytes { (bytes) throws(TranscodingError) in try printer.append(input, bytes) }
        }
        return (printer.out, "application/json")
    }

    // MARK: - Query

    /// No server takes longer ones.
    private static let targetLimit = 64 * 1024

    private mutating func query(
        _ message: UnsafeRawBufferPointer,
        _ type: Int,
        _ prefix: [UInt8],
        _ depth: Int
    ) throws(TranscodingError) {
        guard depth < options.limits.depth else { throw TranscodingError(.tooDeep, "the message is nested too deeply") }
        var reader = WireReader(message)
        while let field = try reader.next() {
            guard let place = pool.field(number: field.number, of: pool.messages[type]) else { continue }
            let entry = pool.fields[place]
            let name = prefix + Array(pool.protoName(ofField: place).utf8)
            if pool.isTextual(entry), entry.shape != .map {
                if field.type == .bytes, entry.kind.isPackable {
                    // A copy that shares its parts: the texts go to `target`, which is beside it.
                    var text = text
                    try text.texts(place, packed: reader.content(field)) { (value) throws(TranscodingError) in
                        try append(name, value)
                    }
                } else {
                    let bytes = Array(UnsafeRawBufferPointer(rebasing: message[field.start..<reader.at]))
                    try append(name, try text.text(place, field: bytes))
                }
            } else if entry.shape == .singular, pool.messages[Int(entry.type)].wellKnown == .none {
                try query(reader.content(field), Int(entry.type), name + [UInt8(ascii: ".")], depth + 1)
            } else {
                throw TranscodingError(
                    .unprintable,
                    "a query cannot hold it",
                    path: String(decoding: name, as: UTF8.self)
                )
            }
        }
    }

    private mutating func append(_ name: [UInt8], _ value: [UInt8]) throws(TranscodingError) {
        // Each byte may become three.
        guard name.count + value.count <= Self.targetLimit - target.count else {
            throw TranscodingError(.tooLarge, "the message does not fit into a URL of \(Self.targetLimit) bytes")
        }
        target.append(UInt8(ascii: hasQuery ? "&" : "?"))
        hasQuery = true
        name.withUnsafeBytes { PercentCoding.encode($0, into: &target) }
        target.append(UInt8(ascii: "="))
        value.withUnsafeBytes { PercentCoding.encode($0, into: &target) }
    }
}
