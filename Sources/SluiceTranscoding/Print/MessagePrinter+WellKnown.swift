import SluiceCore

extension MessagePrinter {
    /// A message that JSON does not write as an object of its fields.
    mutating func wellKnown(_ type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        switch pool.messages[type].wellKnown {
        case .any: try any(bytes)
        case .timestamp, .duration: try time(type, bytes)
        case .fieldMask: try fieldMask(bytes)
        case .structure, .listValue: try onlyField(type, bytes)
        case .value: try dynamicValue(type, bytes)
        case .wrapper: try onlyField(type, bytes)
        case .none, .httpBody: break
        }
    }

    /// What stands for the whole message: the map of a `Struct`, the list of a `ListValue`, the value of a wrapper.
    private mutating func onlyField(_ type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        let base = runs.count
        try collect(type, bytes)
        let place = Int(pool.messages[type].firstField)
        // The layout of the container inside goes by its own depth.
        depth -= 1
        if runs.count == base {
            appendDefault(pool.fields[place])
        } else {
            try value(place, base..<runs.count, bytes)
        }
        depth += 1
        runs.removeLast(runs.count - base)
    }

    /// A `Value`; one without anything is null.
    private mutating func dynamicValue(_ type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        let base = runs.count
        try collect(type, bytes)
        if runs.count == base {
            out.append("null")
        } else {
            let place = Int(runs[base].field)
            let start = out.count
            depth -= 1
            try value(place, base..<runs.count, bytes)
            depth += 1
            // NaN and the infinities would come out as strings, which they are not.
            if pool.fields[place].kind == .double, out[start] == UInt8(ascii: "\"") {
                throw TranscodingError(.unprintable, "a google.protobuf.Value cannot be NaN or infinite in JSON")
            }
        }
        runs.removeLast(runs.count - base)
    }

    private mutating func time(_ type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        var value = TimeValue(seconds: 0, nanos: 0)
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            guard field.type == .varint else { continue }
            if field.number == 1 { value.seconds = Int64(bitPattern: field.value) }
            if field.number == 2 { value.nanos = Int32(truncatingIfNeeded: field.value) }
        }
        let isTimestamp = pool.messages[type].wellKnown == .timestamp
        guard isTimestamp ? value.isTimestamp : value.isDuration else {
            let what = isTimestamp ? "a time between the years 1 and 9999" : "a duration of at most 10,000 years"
            throw TranscodingError(
                .unprintable,
                "\(value.seconds) seconds and \(value.nanos) nanoseconds are not \(what)"
            )
        }
        out.append(UInt8(ascii: "\""))
        if isTimestamp { value.appendTimestamp(to: &out) } else { value.appendDuration(to: &out) }
        out.append(UInt8(ascii: "\""))
    }

    private mutating func fieldMask(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        var names: [UInt8] = []
        var reader = WireReader(bytes)
        var isFirst = true
        while let field = try reader.next() {
            guard field.number == 1, field.type == .bytes else { continue }
            if !isFirst { names.append(UInt8(ascii: ",")) }
            isFirst = false
            guard FieldMaskText.appendCamel(reader.content(field), to: &names) else {
                let shown = TranscodingError.excerpt(reader.content(field))
                throw TranscodingError(.unprintable, "the path '\(shown)' has no form in lowerCamelCase")
            }
        }
        try names.withRawBytes { (text) throws(TranscodingError) in try appendText(text) }
    }

    // MARK: - Any

    /// An `Any`: the message inside with its type in front.
    mutating func any(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        var url = UnsafeRawBufferPointer(start: nil, count: 0)
        var content = url
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            guard field.type == .bytes else { continue }
            if field.number == 1 { url = reader.content(field) }
            if field.number == 2 { content = reader.content(field) }
        }
        guard !url.isEmpty || !content.isEmpty else { return out.append("{}") }
        var isFirst = true
        out.append(UInt8(ascii: "{"))
        separate(&isFirst)
        out.append(options.addWhitespace ? "\"@type\": " : "\"@type\":")
        try appendText(url)
        try anyContent(url, content)
        endContainer("}", true)
    }

    private mutating func anyContent(
        _ url: UnsafeRawBufferPointer,
        _ content: UnsafeRawBufferPointer
    ) throws(TranscodingError) {
        let start = url.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        guard let type = pool.message(named: UnsafeRawBufferPointer(rebasing: url[start...])) else {
            guard unresolvedAny == .base64 else {
                let shown = TranscodingError.excerpt(url)
                throw TranscodingError(.unprintable, "the type '\(shown)' of an Any is not in the descriptor set")
            }
            appendValueKey()
            return appendBase64(content)
        }
        guard pool.messages[type].wellKnown.isBehindValueInAny else {
            _ = try members(type, content, isFirst: false)
            return
        }
        appendValueKey()
        try message(type, content)
    }

    private mutating func appendValueKey() {
        var isFirst = false
        separate(&isFirst)
        out.append(options.addWhitespace ? "\"value\": " : "\"value\":")
    }
}
