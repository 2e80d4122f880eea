import SluiceCore

/// What a message or value is being written into, and has to be closed behind it.
struct Enclosing {
    /// Lengths that were opened for it.
    var lengths = 0
    /// The number of the group that it is, 0 for none.
    var group: UInt32 = 0
}

extension MessageAssembler {
    /// One value of a field: the field's own, an element, or the value of an entry.
    mutating func single(
        _ place: Int,
        _ token: JSONToken,
        _ position: ScalarPosition,
        _ offset: Int
    ) throws(TranscodingError) -> ValueOutcome {
        let field = pool.fields[place]
        guard field.kind.isMessage else { return try scalar(field, token, position, offset) }
        buffer.bytes.appendVarint(field.tag)
        guard field.kind == .message else {
            return try messageValue(Int(field.type), token, Enclosing(group: field.number), offset)
        }
        buffer.openLength()
        return try messageValue(Int(field.type), token, Enclosing(lengths: 1), offset)
    }

    /// A message whose tag is written.
    mutating func messageValue(
        _ type: Int,
        _ token: JSONToken,
        _ enclosing: Enclosing,
        _ offset: Int
    ) throws(TranscodingError) -> ValueOutcome {
        switch pool.messages[type].wellKnown {
        case .none, .httpBody:
            try needObject(token, type, offset)
            pushMessage(type, enclosing)
        case .any:
            try needObject(token, type, offset)
            pendingAny = enclosing
            return .captured
        case .structure:
            try needObject(token, type, offset)
            push(.members, field: -1, enclosing)
        case .listValue:
            guard case .arrayStart = token else { throw wrongType(token, "a list", offset) }
            push(.values, field: -1, enclosing)
        case .value: return try dynamicValue(token, enclosing, offset)
        case .wrapper, .timestamp, .duration, .fieldMask:
            try scalarMessage(type, token, offset)
            close(enclosing)
            return .done
        }
        return .entered
    }

    /// A message that is a scalar in JSON.
    private mutating func scalarMessage(_ type: Int, _ token: JSONToken, _ offset: Int) throws(TranscodingError) {
        guard pool.messages[type].wellKnown == .wrapper else { return try textualMessage(type, token, offset) }
        _ = try scalar(pool.fields[Int(pool.messages[type].firstField)], token, .wrapped, offset)
    }

    private func needObject(_ token: JSONToken, _ type: Int, _ offset: Int) throws(TranscodingError) {
        guard case .objectStart = token else {
            throw wrongType(token, "a \(pool.name(ofMessage: type)), which is an object", offset)
        }
    }

    private mutating func close(_ enclosing: Enclosing) {
        for _ in 0..<enclosing.lengths { buffer.closeLength() }
        if enclosing.group != 0 { buffer.bytes.appendTag(enclosing.group, .endGroup) }
    }

    // MARK: - google.protobuf.Value

    /// A `Value` whose tag is written: the JSON value itself decides what it is.
    mutating func dynamicValue(
        _ token: JSONToken,
        _ enclosing: Enclosing,
        _ offset: Int
    ) throws(TranscodingError) -> ValueOutcome {
        switch token {
        case .null: buffer.bytes.append("\u{08}\u{00}")
        case .bool(let flag):
            buffer.bytes.appendTag(4, .varint)
            buffer.bytes.append(flag ? 1 : 0)
        case .number(let text):
            guard let value = DecimalNumber(text)?.double else { throw wrongType(token, "a double", offset) }
            buffer.bytes.appendTag(2, .fixed64)
            buffer.bytes.appendFixed64(value.bitPattern)
        case .string(let text), .urlText(let text): buffer.bytes.appendField(3, text)
        case .objectStart, .arrayStart:
            let isObject = if case .objectStart = token { true } else { false }
            buffer.bytes.appendTag(isObject ? 5 : 6, .bytes)
            buffer.openLength()
            push(
                isObject ? .members : .values,
                field: -1,
                Enclosing(lengths: enclosing.lengths + 1, group: enclosing.group)
            )
            return .entered
        }
        close(enclosing)
        return .done
    }

    // MARK: - Messages that are a string

    /// `Timestamp`, `Duration` and `FieldMask`.
    private mutating func textualMessage(_ type: Int, _ token: JSONToken, _ offset: Int) throws(TranscodingError) {
        let text: UnsafeRawBufferPointer
        switch token {
        case .string(let string): text = string
        case .urlText(let string): text = string
        default: throw wrongType(token, "a \(pool.name(ofMessage: type)), which is a string", offset)
        }
        switch pool.messages[type].wellKnown {
        case .timestamp:
            guard let time = TimeValue(timestamp: text) else {
                throw wrongType(token, "a time like 2006-01-02T15:04:05Z between the years 1 and 9999", offset)
            }
            append(time)
        case .duration:
            guard let time = TimeValue(duration: text) else {
                throw wrongType(token, "a duration like 1.5s of at most 315576000000s", offset)
            }
            append(time)
        default: try appendFieldMask(text, token, offset)
        }
    }

    private mutating func append(_ time: TimeValue) {
        if time.seconds != 0 {
            buffer.bytes.appendTag(1, .varint)
            buffer.bytes.appendVarint(UInt64(bitPattern: time.seconds))
        }
        if time.nanos != 0 {
            buffer.bytes.appendTag(2, .varint)
            buffer.bytes.appendVarint(UInt64(bitPattern: Int64(time.nanos)))
        }
    }

    private mutating func appendFieldMask(
        _ text: UnsafeRawBufferPointer,
        _ token: JSONToken,
        _ offset: Int
    ) throws(TranscodingError) {
        guard !text.isEmpty else { return }
        for path in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            buffer.bytes.appendTag(1, .bytes)
            buffer.openLength()
            guard FieldMaskText.appendSnake(UnsafeRawBufferPointer(rebasing: path), to: &buffer.bytes) else {
                throw wrongType(token, "a list of field names in lowerCamelCase", offset)
            }
            buffer.closeLength()
        }
    }

    // MARK: - Any

    /// The text of an `Any`: its `@type` may stand anywhere, so it is looked for first.
    mutating func captured(_ text: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError) {
        let enclosing = pendingAny
        guard anyCount < Self.anyDepth else {
            throw error(.tooDeep, "more than \(Self.anyDepth) values of type Any are inside each other", offset)
        }
        var finder = AnyTypeFinder()
        try Self.read(text, offset, depthLeft, options.limits, into: &finder)
        guard let url = finder.url else {
            guard finder.isEmpty else {
                throw error(.value, "an Any needs its type under \"@type\", as a string", offset)
            }
            close(enclosing)
            return try endValue()
        }
        guard let slash = url.lastIndex(of: UInt8(ascii: "/")),
            let type = url[(slash + 1)...].withUnsafeBytes({ pool.message(named: $0) })
        else {
            let shown = url.withUnsafeBytes { TranscodingError.excerpt($0) }
            throw error(.value, "the type '\(shown)' of this Any is not in the descriptor set", offset)
        }
        url.withUnsafeBytes { buffer.bytes.appendField(1, $0) }
        let mark = buffer.mark
        buffer.bytes.appendTag(2, .bytes)
        buffer.openLength()
        try content(of: type, text, offset)
        if buffer.isOpenEmpty { buffer.rollBack(to: mark) } else { buffer.closeLength() }
        close(enclosing)
        try endValue()
    }

    private mutating func content(
        of type: Int,
        _ text: UnsafeRawBufferPointer,
        _ offset: Int
    ) throws(TranscodingError) {
        var frame = Frame(.any, mark: buffer.mark)
        frame.type = type
        anyCount += 1
        frames.append(frame)
        try Self.read(text, offset, depthLeft, options.limits, into: &self)
        frames.removeLast()
        anyCount -= 1
    }

    /// Containers that may be inside each other here: the levels around count too.
    private var depthLeft: Int { min(options.limits.depth, JSONTokenizer.greatestDepth) - frames.count + 2 }

    private static func read<Sink: JSONSink>(
        _ text: UnsafeRawBufferPointer,
        _ offset: Int,
        _ depth: Int,
        _ limits: TranscodingLimits,
        into sink: inout Sink
    ) throws(TranscodingError) {
        var tokenizer = JSONTokenizer(depthLimit: depth, limits: limits, offset: offset)
        try tokenizer.feed(text, to: &sink)
        try tokenizer.finish(to: &sink)
    }

    /// The object of an `Any`, read for the second time.
    mutating func anyContent(_ token: JSONToken, _ offset: Int) throws(TranscodingError) -> ValueOutcome {
        let type = frames[top].type
        if pool.messages[type].wellKnown.isBehindValueInAny {
            push(.anyMembers, field: -1)
            frames[top].type = type
        } else {
            pushMessage(type, Enclosing(), isInAny: true)
        }
        return .entered
    }

    /// `"value"`, and the `"@type"` that is known already.
    mutating func anyKey(_ name: UnsafeRawBufferPointer, _ offset: Int) throws(TranscodingError) {
        let top = top
        guard name.elementsEqual("value".utf8) else {
            guard name.elementsEqual("@type".utf8) || options.unknownFields == .ignore else {
                let shown = TranscodingError.excerpt(name)
                let type = pool.name(ofMessage: frames[top].type)
                throw error(.unknownField, "an Any of type \(type) has no field '\(shown)', only 'value'", offset)
            }
            frames[top].skips = true
            return
        }
        guard frames[top].field < 0 || options.duplicates == .merge else {
            throw error(.conflict, "the field was given already", offset)
        }
        frames[top].field = 1
    }
}

/// Finds the `@type` of an `Any` in its text.
struct AnyTypeFinder: JSONSink {
    private(set) var url: [UInt8]?
    private(set) var isEmpty = true
    private var isInside = false
    private var isType = false

    mutating func key(_ name: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError) {
        isEmpty = false
        isType = name.elementsEqual("@type".utf8)
        if isType, url != nil { throw TranscodingError(.conflict, "\"@type\" was given already", at: offset) }
    }

    mutating func value(_ token: JSONToken, at offset: Int) throws(TranscodingError) -> JSONDescent {
        if case .string(let text) = token, isType { url = Array(text) }
        isType = false
        defer { isInside = true }
        return isInside ? .skip : .enter
    }

    mutating func end(at offset: Int) throws(TranscodingError) {}

    mutating func captured(_ text: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError) {}
}
