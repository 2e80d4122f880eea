import SluiceCore

/// Strings, numbers and words, also those that are cut between pieces.
extension JSONTokenizer {
    // MARK: - Strings

    mutating func startString<Sink: JSONSink>(
        _ bytes: UnsafeRawBufferPointer,
        _ at: Int,
        _ sink: inout Sink
    ) throws(TranscodingError) -> Int {
        if expected != .key, expected != .keyOrEnd { try needValue("a string", at) }
        string = StringScan()
        tokenStart = consumed + at
        guard let end = try string.end(in: bytes, from: at + 1, offset: consumed) else {
            return try keepPart(.string, bytes, at + 1)
        }
        try deliverString(UnsafeRawBufferPointer(rebasing: bytes[(at + 1)..<end]), &sink)
        return end + 1
    }

    private mutating func deliverString<Sink: JSONSink>(
        _ raw: UnsafeRawBufferPointer,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        if string.hasHighBytes, !UTF8Check.isValid(raw) {
            throw TranscodingError(.syntax, "the string is not UTF-8", at: tokenStart)
        }
        guard string.hasEscapes else { return try deliver(raw, &sink) }
        unescaped.removeAll(keepingCapacity: true)
        try JSONEscapes.resolve(raw, into: &unescaped, offset: tokenStart)
        // The sink must not find the array in use when it comes back for another string.
        let text = unescaped
        try text.withRawBytes { (all) throws(TranscodingError) in try deliver(all, &sink) }
    }

    private mutating func deliver<Sink: JSONSink>(
        _ text: UnsafeRawBufferPointer,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        let isKey = expected == .key || expected == .keyOrEnd
        expected = isKey ? .colon : depth == 0 ? .nothing : .commaOrEnd
        guard case .enter = quiet else { return }
        if isKey {
            try sink.key(text, at: tokenStart)
        } else {
            _ = try sink.value(.string(text), at: tokenStart)
        }
    }

    // MARK: - Numbers and words

    mutating func startPlain<Sink: JSONSink>(
        _ bytes: UnsafeRawBufferPointer,
        _ at: Int,
        _ sink: inout Sink
    ) throws(TranscodingError) -> Int {
        let isWord = bytes[at] >= UInt8(ascii: "a")
        try needValue(isWord ? "a word" : "a number", at)
        tokenStart = consumed + at
        let end = Self.plainEnd(bytes, at)
        // Only what follows tells that a number is complete.
        if end == bytes.count { return try keepPart(isWord ? .word : .number, bytes, at) }
        try deliverPlain(UnsafeRawBufferPointer(rebasing: bytes[at..<end]), &sink)
        return end
    }

    private static func plainEnd(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int {
        var at = start
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"):
                at &+= 1
            default: return at
            }
        }
        return at
    }

    private mutating func deliverPlain<Sink: JSONSink>(
        _ text: UnsafeRawBufferPointer,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        let token: JSONToken
        if text.elementsEqual("true".utf8) {
            token = .bool(true)
        } else if text.elementsEqual("false".utf8) {
            token = .bool(false)
        } else if text.elementsEqual("null".utf8) {
            token = .null
        } else if let first = text.first, first < UInt8(ascii: "a") {
            token = .number(text)
        } else {
            throw TranscodingError(.syntax, "this is not JSON: '\(TranscodingError.excerpt(text))'", at: tokenStart)
        }
        expected = depth == 0 ? .nothing : .commaOrEnd
        if case .enter = quiet {
            _ = try sink.value(token, at: tokenStart)
        } else if case .number = token, DecimalNumber(text) == nil {
            throw TranscodingError(.syntax, "this is no number: \(TranscodingError.excerpt(text))", at: tokenStart)
        }
    }

    // MARK: - Tokens that are cut

    private mutating func keepPart(
        _ kind: Part,
        _ bytes: UnsafeRawBufferPointer,
        _ start: Int
    ) throws(TranscodingError) -> Int {
        part = kind
        carry.append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        guard carry.count <= tokenLimit else { throw tooLong(tokenStart) }
        return bytes.count
    }

    /// Goes on with the token that the last piece ended within; the result is where the next one may begin.
    mutating func resume<Sink: JSONSink>(
        _ bytes: UnsafeRawBufferPointer,
        _ sink: inout Sink
    ) throws(TranscodingError) -> Int {
        let end: Int
        if part == .string {
            guard let quote = try string.end(in: bytes, from: 0, offset: consumed) else {
                return try keepPart(.string, bytes, 0)
            }
            end = quote
        } else {
            end = Self.plainEnd(bytes, 0)
            if end == bytes.count { return try keepPart(part, bytes, 0) }
        }
        carry.append(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        guard carry.count <= tokenLimit else { throw tooLong(tokenStart) }
        let isString = part == .string
        try deliverCarried(isString: isString, &sink)
        return isString ? end + 1 : end
    }

    /// Delivers the token that is complete now.
    mutating func deliverCarried<Sink: JSONSink>(
        isString: Bool,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        part = .none
        var text: [UInt8] = []
        swap(&text, &carry)
        try text.withRawBytes { (all) throws(TranscodingError) in
            if isString { try deliverString(all, &sink) } else { try deliverPlain(all, &sink) }
        }
        // The array comes back for its room.
        text.removeAll(keepingCapacity: true)
        carry = text
    }
}
