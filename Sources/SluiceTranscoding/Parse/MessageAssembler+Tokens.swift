import SluiceCore

/// What became of the beginning of a value.
enum ValueOutcome {
    /// It was a scalar and is written.
    case done
    /// It was to be ignored and is gone.
    case dropped
    /// It is a container that has a frame now.
    case entered
    /// It is an `Any`; its text comes when it is complete.
    case captured
}

extension MessageAssembler: JSONSink {
    var held: Int { buffer.bytes.count }

    mutating func key(_ name: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError) {
        switch frames[top].kind {
        case .message: try messageKey(name, offset)
        case .map: try mapKey(name, offset)
        case .members: try memberKey(name, offset)
        case .anyMembers: try anyKey(name, offset)
        default: break
        }
    }

    mutating func value(_ token: JSONToken, at offset: Int) throws(TranscodingError) -> JSONDescent {
        let top = top
        if frames[top].skips {
            frames[top].skips = false
            return .skip
        }
        let outcome = try accept(token, offset)
        guard buffer.weight <= options.limits.message else { throw tooLarge(offset) }
        switch outcome {
        case .done: try endValue()
        case .captured: return .capture
        case .dropped:
            dropValue()
            return .skip
        case .entered: break
        }
        return .enter
    }

    mutating func end(at offset: Int) throws(TranscodingError) {
        guard let frame = frames.popLast() else { return }
        switch frame.kind {
        case .message: seen.removeLast(pool.messages[frame.type].seenWords)
        case .map, .members: keyText.removeLast(keyText.count - frame.count)
        case .packed where buffer.isOpenEmpty && frame.lengths > 0:
            // All its elements were ignored.
            buffer.rollBack(to: frame.mark)
            return try endValue()
        case .stream: return
        default: break
        }
        for _ in 0..<frame.lengths { buffer.closeLength() }
        if frame.group != 0 { buffer.bytes.appendTag(frame.group, .endGroup) }
        try endValue()
    }

    // MARK: - Values by where they stand

    private mutating func accept(_ token: JSONToken, _ offset: Int) throws(TranscodingError) -> ValueOutcome {
        let frame = frames[top]
        switch frame.kind {
        case .root, .stream: return try rootValue(token, offset)
        case .message: return try fieldValue(frame.field, token, offset)
        case .list: return try single(frame.field, token, .element, offset)
        case .packed: return try packedElement(frame.field, token, offset)
        case .map: return try single(frame.field, token, .mapValue, offset)
        case .members:
            buffer.bytes.appendTag(2, .bytes)
            buffer.openLength()
            return try dynamicValue(token, Enclosing(lengths: 1), offset)
        case .values:
            buffer.bytes.appendTag(1, .bytes)
            buffer.openLength()
            return try dynamicValue(token, Enclosing(lengths: 1), offset)
        case .any: return try anyContent(token, offset)
        case .anyMembers: return try messageValue(frame.type, token, Enclosing(), offset)
        }
    }

    private mutating func rootValue(_ token: JSONToken, _ offset: Int) throws(TranscodingError) -> ValueOutcome {
        if root.isStream, frames.count == 1, case .arrayStart = token {
            push(.stream, field: -1)
            return .entered
        }
        guard let field = root.field else {
            return try messageValue(root.message, token, Enclosing(), offset)
        }
        return try fieldValue(field, token, offset)
    }

    /// A member of a message.
    private mutating func fieldValue(
        _ place: Int,
        _ token: JSONToken,
        _ offset: Int
    ) throws(TranscodingError) -> ValueOutcome {
        guard place >= 0 else { return .dropped }
        let field = pool.fields[place]
        if case .null = token, !takesNull(field) { return .done }
        if field.oneof >= 0, frames[top].kind == .message { try noteOneof(field, offset) }
        switch field.shape {
        case .singular: return try single(place, token, .field, offset)
        case .list, .packed:
            guard case .arrayStart = token else { throw wrongType(token, "a list", offset) }
            push(field.shape == .packed ? .packed : .list, field: place)
        case .map:
            guard case .objectStart = token else { throw wrongType(token, "a map, which is an object", offset) }
            // Values are those of the entry's second field.
            guard let inner = pool.field(number: 2, of: pool.messages[Int(field.type)]) else { return .dropped }
            push(.map, field: inner)
            frames[top].type = place
        }
        return .entered
    }

    /// Whether null is a value of the field instead of the lack of one.
    private func takesNull(_ field: FieldEntry) -> Bool {
        guard field.shape == .singular else { return false }
        if field.kind == .message { return pool.messages[Int(field.type)].wellKnown == .value }
        return field.kind == .enumeration && pool.enums[Int(field.type)].isNull
    }

    private mutating func noteOneof(_ field: FieldEntry, _ offset: Int) throws(TranscodingError) {
        // The URL set the oneof by this very field.
        if frames[top].binding >= 0 { return }
        let bit = Int(pool.messages[frames[top].type].fieldCount) + Int(field.oneof)
        guard !note(bit), options.duplicates == .refuse else { return }
        throw error(.conflict, "another field of the same oneof was given already", offset)
    }

    private mutating func packedElement(
        _ place: Int,
        _ token: JSONToken,
        _ offset: Int
    ) throws(TranscodingError) -> ValueOutcome {
        if frames[top].lengths == 0 {
            buffer.bytes.appendVarint(pool.fields[place].tag)
            buffer.openLength()
            frames[top].lengths = 1
        }
        return try single(place, token, .packedElement, offset)
    }

    /// Undoes what a value that is to be ignored has begun.
    private mutating func dropValue() {
        switch frames[top].kind {
        case .map, .members: buffer.rollBack(to: frames[top].mark)
        case .message: frames[top].field = -1
        default: break
        }
    }

    // MARK: - Keys

    private mutating func messageKey(_ name: UnsafeRawBufferPointer, _ offset: Int) throws(TranscodingError) {
        let top = top
        let type = frames[top].type
        frames[top].field = -1
        frames[top].binding = -1
        if frames[top].isInAny, name.elementsEqual("@type".utf8) {
            frames[top].skips = true
            return
        }
        guard let place = pool.field(named: name, of: type) else {
            guard options.unknownFields == .refuse else {
                frames[top].skips = true
                return
            }
            throw unknownField(name, type, offset)
        }
        frames[top].field = place
        if !note(Int(pool.fields[place].place)), options.duplicates == .refuse {
            throw error(.conflict, "the field was given already", offset)
        }
        if frames[top].bound != 0 { findBinding(place) }
    }

    private func unknownField(_ name: UnsafeRawBufferPointer, _ type: Int, _ offset: Int) -> TranscodingError {
        let shown = TranscodingError.excerpt(name)
        let hint = Suggestion.text(for: shown, among: pool.fieldNames(of: type))
        return error(.unknownField, "\(pool.name(ofMessage: type)) has no field '\(shown)'\(hint)", offset)
    }

    private mutating func mapKey(_ name: UnsafeRawBufferPointer, _ offset: Int) throws(TranscodingError) {
        let map = pool.fields[frames[top].type]
        beginEntry(name, tag: map.tag)
        guard let place = pool.field(number: 1, of: pool.messages[Int(map.type)]) else { return }
        let start = buffer.mark
        // A key is always a string in JSON, also that of a map of numbers or booleans.
        _ = try scalar(pool.fields[place], .urlText(name), .mapKey, offset)
        try checkKey(since: start, offset)
    }

    private mutating func memberKey(_ name: UnsafeRawBufferPointer, _ offset: Int) throws(TranscodingError) {
        beginEntry(name, tag: 1 << 3 | 2)
        let start = buffer.mark
        buffer.bytes.appendField(1, name)
        try checkKey(since: start, offset)
    }

    private mutating func beginEntry(_ name: UnsafeRawBufferPointer, tag: UInt64) {
        let top = top
        keyText.removeLast(keyText.count - frames[top].count)
        keyText.append(name)
        frames[top].mark = buffer.mark
        buffer.bytes.appendVarint(tag)
        buffer.openLength()
    }

    /// Keys are compared as they are written, so that `1` and `1.0` are one.
    private mutating func checkKey(since start: MessageBuffer.Mark, _ offset: Int) throws(TranscodingError) {
        let map = UInt64(frames[top].seen)
        let isNew = buffer.written(since: start).withUnsafeBytes { keys.insert($0, into: map) }
        if !isNew, options.duplicates == .refuse { throw error(.conflict, "the key was given already", offset) }
    }
}
