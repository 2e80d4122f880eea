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
            return try keepPart(.string, bytes, at + 1, sink.held)
        }
        try deliverString(UnsafeRawBufferPointer(rebasing: bytes[(at + 1)..<end]), &sink)
        return end + 1
    }

    private mutating func deliverString<Sink: JSONSink>(
        _ raw: UnsafeRawBufferPointer,
        _ sink: inout Sink
    ) throws(TranscodingError) {
        try checkUTF8(raw)
        guard string.hasEscapes else { return try deliver(raw, &sink) }
        unescaped.removeAll(keepingCapacity: true)
        _ = try JSONEscapes.resolve(raw, into: &unescaped, offset: tokenStart + 1, isWhole: true)
        // The sink must not find the array in use when it comes back for another string.
        let text = unescaped
        try text.withRawBytes { (all) throws(TranscodingError) in try deliver(all, &sink) }
    }

    /// The bytes of escapes may be among them already, which are characters of their own wherever they stand.
    private func checkUTF8(_ text: UnsafeRawBufferPointer) throws(TranscodingError) {
        guard string.hasHighBytes, !UTF8Check.isValid(text) else { return }
        throw TranscodingError(.syntax, "the string is not UTF-8", at: tokenStart)
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
        if end == bytes.count { return try keepPart(isWord ? .word : .number, bytes, at, sink.held) }
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
        _ start: Int,
        _ held: Int
    ) throws(TranscodingError) -> Int {
        part = kind
        try keep(UnsafeRawBufferPointer(rebasing: bytes[start...]), at: consumed + start, isWhole: false, held)
        return bytes.count
    }

    /// Adds to the token under way, and of a string what its text stands for: an escape takes up to six bytes for one.
    private mutating func keep(
        _ text: UnsafeRawBufferPointer,
        at place: Int,
        isWhole: Bool,
        _ held: Int
    ) throws(TranscodingError) {
        if part != .string || !string.hasEscapes || brokenEscape != nil {
            carry.append(text)
        } else if cutEscape.isEmpty {
            keepResolved(text, at: place, isWhole: isWhole)
        } else {
            var joined: [UInt8] = []
            swap(&joined, &cutEscape)
            let place = place - joined.count
            joined.append(text)
            joined.withUnsafeBytes { keepResolved($0, at: place, isWhole: isWhole) }
        }
        guard carry.count <= heldLimit - held else { throw tooLong(heldLimit, tokenStart) }
    }

    private mutating func keepResolved(
        _ text: UnsafeRawBufferPointer,
        at place: Int,
        isWhole: Bool
    ) {
        do throws(TranscodingError) {
            let read = try JSONEscapes.resolve(text, into: &carry, offset: place, isWhole: isWhole)
            if read < text.count { cutEscape.append(UnsafeRawBufferPointer(rebasing: text[read...])) }
        } catch {
            brokenEscape = error
            let read = max(0, min((error.offset ?? place) - place, text.count))
            carry.append(UnsafeRawBufferPointer(rebasing: text[read...]))
        }
    }

    /// Goes on with the token that the last piece ended within; the result is where the next one may begin.
    mutating func resume<Sink: JSONSink>(
        _ bytes: UnsafeRawBufferPointer,
        _ sink: inout Sink
    ) throws(TranscodingError) -> Int {
        let end: Int
        if part == .string {
            guard let quote = try string.end(in: bytes, from: 0, offset: consumed) else {
                return try keepPart(.string, bytes, 0, sink.held)
            }
            end = quote
        } else {
            end = Self.plainEnd(bytes, 0)
            if end == bytes.count { return try keepPart(part, bytes, 0, sink.held) }
        }
        try keep(UnsafeRawBufferPointer(rebasing: bytes[..<end]), at: consumed, isWhole: true, sink.held)
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
            guard isString else { return try deliverPlain(all, &sink) }
            try checkUTF8(all)
            if let brokenEscape { throw brokenEscape }
            try deliver(all, &sink)
        }
        // The array comes back for its room, but not for that of a large value.
        if text.capacity <= 1 << 16 {
            text.removeAll(keepingCapacity: true)
            carry = text
        }
    }
}
