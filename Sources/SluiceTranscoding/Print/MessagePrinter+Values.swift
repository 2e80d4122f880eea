import SluiceCore

extension MessagePrinter {
    /// The value of a field that is there, from its runs.
    mutating func value(
        _ place: Int,
        _ range: Range<Int>,
        _ bytes: UnsafeRawBufferPointer
    ) throws(TranscodingError) {
        let field = pool.fields[place]
        switch field.shape {
        case .map: try map(field, range, bytes)
        case .list, .packed: try list(field, range, bytes)
        case .singular:
            guard field.kind.isMessage else {
                return try scalar(field, try last(range, bytes), bytes)
            }
            try joined(range, bytes) { printer, content throws(TranscodingError) in
                try printer.message(Int(field.type), content)
            }
        }
    }

    /// The bytes of one run.
    func bytes(of run: Int, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[Int(runs[run].start)..<Int(runs[run].end)])
    }

    /// The last occurrence of a field, which is the one that counts. Its content is relative to the last run.
    private func last(_ range: Range<Int>, _ all: UnsafeRawBufferPointer) throws(TranscodingError) -> WireField {
        var reader = WireReader(bytes(of: range.upperBound - 1, all))
        var last: WireField?
        while let field = try reader.next() { last = field }
        guard var found = last else { throw TranscodingError(.wire, "a field is empty") }
        let start = Int(runs[range.upperBound - 1].start)
        found.content = (found.content.lowerBound + start)..<(found.content.upperBound + start)
        return found
    }

    /// The field, if it is there once.
    private func onlyOccurrence(
        _ range: Range<Int>,
        _ all: UnsafeRawBufferPointer
    ) throws(TranscodingError) -> WireField? {
        guard range.count == 1 else { return nil }
        var reader = WireReader(bytes(of: range.lowerBound, all))
        guard let field = try reader.next(), reader.at == reader.bytes.count else { return nil }
        return field
    }

    /// A singular message. Where the wire has it in several parts, their contents one behind the other are the whole.
    private mutating func joined(
        _ range: Range<Int>,
        _ all: UnsafeRawBufferPointer,
        _ body: (inout MessagePrinter, UnsafeRawBufferPointer) throws(TranscodingError) -> Void
    ) throws(TranscodingError) {
        if let field = try onlyOccurrence(range, all) {
            let run = bytes(of: range.lowerBound, all)
            return try body(&self, UnsafeRawBufferPointer(rebasing: run[field.content]))
        }
        var whole: [UInt8] = []
        for run in range {
            var reader = WireReader(bytes(of: run, all))
            while let field = try reader.next() { whole.append(reader.content(field)) }
        }
        try whole.withRawBytes { (content) throws(TranscodingError) in try body(&self, content) }
    }

    // MARK: - Lists

    private mutating func list(
        _ field: FieldEntry,
        _ range: Range<Int>,
        _ all: UnsafeRawBufferPointer
    ) throws(TranscodingError) {
        out.append(UInt8(ascii: "["))
        depth += 1
        var isFirst = true
        for run in range {
            let slice = bytes(of: run, all)
            var reader = WireReader(slice)
            while let element = try reader.next() {
                if element.type == .bytes, field.kind.isPackable {
                    try packed(field, reader.content(element), &isFirst)
                } else if field.kind.isMessage {
                    separate(&isFirst)
                    try message(Int(field.type), reader.content(element))
                } else {
                    separate(&isFirst)
                    try checkSize()
                    try scalar(field, element, slice)
                }
            }
        }
        endContainer("]", !isFirst)
        depth -= 1
    }

    private mutating func packed(
        _ field: FieldEntry,
        _ content: UnsafeRawBufferPointer,
        _ isFirst: inout Bool
    ) throws(TranscodingError) {
        var reader = WireReader(content)
        let type = field.kind.wireType
        while reader.at < content.count {
            var element = WireField(number: field.number, type: type, start: reader.at)
            switch type {
            case .fixed32: element.value = UInt64(try reader.fixed32())
            case .fixed64: element.value = try reader.fixed64()
            default: element.value = try reader.varint()
            }
            separate(&isFirst)
            try checkSize()
            try scalar(field, element, content)
        }
    }

    // MARK: - Maps

    /// A map. Where a key comes twice, which only an odd library writes, the last one counts.
    ///
    /// Keys are looked at before any value is printed: going back over values would double the work with each level.
    mutating func map(
        _ field: FieldEntry,
        _ range: Range<Int>,
        _ all: UnsafeRawBufferPointer
    ) throws(TranscodingError) {
        let map = keys.newMap()
        var isUnique = true
        try entries(field, range, all) { printer, key, _ in
            if !(printer.out[key...].withUnsafeBytes { printer.keys.insert($0, into: map) }) { isUnique = false }
            return false
        }
        if isUnique { return try entries(field, range, all) { _, _, _ in true } }
        var lastPlaces: [[UInt8]: Int] = [:]
        try entries(field, range, all) { printer, key, place in
            lastPlaces[Array(printer.out[key...])] = place
            return false
        }
        try entries(field, range, all) { printer, key, place in lastPlaces[Array(printer.out[key...])] == place }
    }

    /// Prints the entries that `choose` wants; it is given where the key begins that was just printed, and the place
    /// of the entry. Nothing is left of the map when it wants none.
    private mutating func entries(
        _ field: FieldEntry,
        _ range: Range<Int>,
        _ all: UnsafeRawBufferPointer,
        _ choose: (inout MessagePrinter, Int, Int) -> Bool
    ) throws(TranscodingError) {
        let undo = out.count
        out.append(UInt8(ascii: "{"))
        depth += 1
        var isFirst = true
        var place = 0
        for run in range {
            var reader = WireReader(bytes(of: run, all))
            while let entry = try reader.next() {
                let base = runs.count
                try self.entry(field, reader.content(entry), place, &isFirst, choose)
                runs.removeLast(runs.count - base)
                place += 1
            }
        }
        endContainer("}", !isFirst)
        depth -= 1
        if isFirst { out.removeLast(out.count - undo) }
    }

    private mutating func entry(
        _ field: FieldEntry,
        _ content: UnsafeRawBufferPointer,
        _ place: Int,
        _ isFirst: inout Bool,
        _ choose: (inout MessagePrinter, Int, Int) -> Bool
    ) throws(TranscodingError) {
        let type = Int(field.type)
        let base = runs.count
        try collect(type, content)
        let fields = pool.messages[type].fields
        guard fields.count == 2 else { throw TranscodingError(.wire, "a map entry has other fields than two") }
        let split = runs[base...].firstIndex { Int($0.field) != fields.lowerBound } ?? runs.count
        let wasFirst = isFirst
        let undo = out.count
        separate(&isFirst)
        let keyStart = out.count
        try checkSize()
        try key(pool.fields[fields.lowerBound], base..<split, content)
        guard choose(&self, keyStart, place) else {
            out.removeLast(out.count - undo)
            isFirst = wasFirst
            return
        }
        out.append(options.addWhitespace ? ": " : ":")
        if split < runs.count {
            try value(fields.lowerBound + 1, split..<runs.count, content)
        } else {
            try absentValue(pool.fields[fields.lowerBound + 1])
        }
    }

    /// The value of an entry that has none: a message without fields, or the default.
    private mutating func absentValue(_ field: FieldEntry) throws(TranscodingError) {
        guard field.kind.isMessage else { return appendDefault(field) }
        try message(Int(field.type), UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// A key, always in quotes.
    private mutating func key(
        _ field: FieldEntry,
        _ range: Range<Int>,
        _ content: UnsafeRawBufferPointer
    ) throws(TranscodingError) {
        let isQuoted: Bool
        switch field.kind {
        case .bool, .int32, .uint32, .sint32, .fixed32, .sfixed32: isQuoted = false
        default: isQuoted = true
        }
        if !isQuoted { out.append(UInt8(ascii: "\"")) }
        if range.isEmpty {
            appendDefault(field)
        } else {
            try scalar(field, try last(range, content), content)
        }
        if !isQuoted { out.append(UInt8(ascii: "\"")) }
    }
}
