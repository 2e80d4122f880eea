import SluiceCore

/// A field that the URL sets, and what was written for it.
struct BoundField {
    /// Where its path of fields lies in `MessageAssembler.boundPath`.
    let path: Range<Int>
    /// Where its tag and value lie among the written bytes, without lengths.
    let content: Range<Int>
}

extension MessageAssembler {
    /// Bindings that are checked against the body: as many as a mask has bits.
    static let checkedBindings = 64

    /// Writes a field that a path variable or a query parameter sets, before any body is read.
    ///
    /// - Parameters:
    ///   - fields: from the root message down to the one that is set, which may be repeated.
    ///   - text: its value, decoded.
    ///   - isChecked: whether the body may set the field too, and has to agree then.
    mutating func bind(
        _ fields: some Collection<Int>,
        to text: UnsafeRawBufferPointer,
        isChecked: Bool
    ) throws(TranscodingError) {
        guard let last = fields.reversed().first else { return }
        var groups: [UInt32] = []
        for place in fields.dropLast() {
            let field = pool.fields[place]
            buffer.bytes.appendVarint(field.tag)
            if field.kind == .message { buffer.openLength() }
            groups.append(field.kind == .group ? field.number : 0)
        }
        let start = buffer.bytes.count
        do {
            _ = try single(last, .urlText(text), .bound, 0)
        } catch {
            throw TranscodingError(error.kind, error.reason, path: urlPath(fields))
        }
        let end = buffer.bytes.count
        for group in groups.reversed() {
            if group == 0 { buffer.closeLength() } else { buffer.bytes.appendTag(group, .endGroup) }
        }
        guard isChecked, bindings.count < Self.checkedBindings else { return }
        let path = boundPath.count
        boundPath += fields
        bindings.append(BoundField(path: path..<boundPath.count, content: start..<end))
    }

    private func urlPath(_ fields: some Collection<Int>) -> String {
        fields.map { pool.jsonName(ofField: $0) }.joined(separator: ".")
    }

    // MARK: - The body agrees with the URL

    /// The bindings for fields below the value that begins now.
    func boundBelow() -> UInt64 {
        guard !bindings.isEmpty else { return 0 }
        let frame = frames[top]
        switch frame.kind {
        case .root, .stream:
            let all: UInt64 = bindings.count == 64 ? .max : (1 << UInt64(bindings.count)) - 1
            guard let field = root.field else { return all }
            return matching(field, at: 0, of: all).inner
        case .message: return frame.bound == 0 ? 0 : matching(frame.field, at: depth(of: top), of: frame.bound).inner
        default: return 0
        }
    }

    /// How many fields lead to the message of a frame. Bindings lead through messages only, never lists or maps.
    private func depth(of place: Int) -> Int {
        var depth = root.field == nil ? 0 : 1
        for frame in frames[..<place] where frame.kind == .message { depth += 1 }
        return depth
    }

    /// The bindings of a set that go through a field, and the one that ends there.
    private func matching(_ field: Int, at depth: Int, of set: UInt64) -> (inner: UInt64, leaf: Int) {
        var inner: UInt64 = 0
        var leaf = -1
        for (at, binding) in bindings.enumerated() where set & (1 << UInt64(at)) != 0 {
            let place = binding.path.lowerBound + depth
            guard place < binding.path.upperBound, boundPath[place] == field else { continue }
            if place + 1 == binding.path.upperBound { leaf = at } else { inner |= 1 << UInt64(at) }
        }
        return (inner, leaf)
    }

    /// Oneofs that the URL sets count as given in the message that begins: another member would take its place.
    mutating func noteBoundOneofs() {
        let depth = depth(of: top)
        let message = pool.messages[frames[top].type]
        for (at, binding) in bindings.enumerated() where frames[top].bound & (1 << UInt64(at)) != 0 {
            guard binding.path.count == depth + 1 else { continue }
            let field = pool.fields[boundPath[binding.path.upperBound - 1]]
            if field.oneof >= 0 { _ = note(Int(message.fieldCount) + Int(field.oneof)) }
        }
    }

    /// Notes whether the field whose value comes next is set by the URL.
    mutating func findBinding(_ field: Int) {
        let top = top
        frames[top].binding = matching(field, at: depth(of: top), of: frames[top].bound).leaf
        frames[top].mark = buffer.mark
    }

    /// Compares what the body has written for a field with what the URL says.
    mutating func settleBinding() throws(TranscodingError) {
        let top = top
        let binding = bindings[frames[top].binding]
        let mark = frames[top].mark
        let written = buffer.written(since: mark)
        // Nothing written is a default or null, which says nothing.
        let agrees = written.isEmpty || written.elementsEqual(buffer.bytes[binding.content])
        frames[top].binding = -1
        switch options.conflicts {
        case .refuse where !agrees:
            throw error(.conflict, "the body has another value than the URL", nil)
        case .body where !agrees: break
        default: buffer.rollBack(to: mark)
        }
    }
}
