/// Values of messages as the text that a URL has for them.
struct FieldText {
    private let pool: DescriptorPool
    private var printer: MessagePrinter

    init(pool: DescriptorPool, options: TranscodingOptions) {
        self.pool = pool
        var options = options
        options.print = PrintOptions()
        printer = MessagePrinter(pool: pool, options: options)
    }

    /// The text of the field that a path leads to; its default when it is unset.
    mutating func text(of path: [Int], in message: UnsafeRawBufferPointer) throws(TranscodingError) -> [UInt8] {
        var content = Array(message)
        for place in path.dropLast() {
            // Parts of a message that the wire has several times are one, when they are put behind each other.
            var inner: [UInt8] = []
            try occurrences(of: place, in: content) { field, reader in inner.append(reader.content(field)) }
            content = inner
        }
        guard let last = path.last else { return [] }
        var text = Self.defaultText(pool.fields[last], pool)
        var found: [UInt8]?
        try occurrences(of: last, in: content) { field, reader in
            found = Array(UnsafeRawBufferPointer(rebasing: reader.bytes[field.start..<reader.at]))
        }
        if let found { text = try self.text(last, field: found) }
        return text
    }

    private func occurrences(
        of place: Int,
        in bytes: [UInt8],
        _ body: (WireField, WireReader) -> Void
    ) throws(TranscodingError) {
        let number = pool.fields[place].number
        try bytes.withRawBytes { (all) throws(TranscodingError) in
            var reader = WireReader(all)
            while let field = try reader.next() {
                if field.number == number { body(field, reader) }
            }
        }
    }

    /// One occurrence of a field as text. `bytes` is the field with its tag.
    mutating func text(_ place: Int, field bytes: [UInt8]) throws(TranscodingError) -> [UInt8] {
        let field = pool.fields[place]
        return try bytes.withRawBytes { (all) throws(TranscodingError) in
            var reader = WireReader(all)
            guard let value = try reader.next() else { return [] }
            if field.kind == .string, value.type == .bytes { return Array(reader.content(value)) }
            if field.kind.isMessage {
                let type = Int(field.type)
                if let inner = wrappedText(type) {
                    return try text(of: [inner], in: reader.content(value))
                }
                return try unquoted { printer throws(TranscodingError) in
                    try printer.append(type, reader.content(value))
                }
            }
            return try unquoted { printer throws(TranscodingError) in try printer.scalar(field, value, all) }
        }
    }

    /// Calls `body` with the text of each element of a packed field.
    mutating func texts(
        _ place: Int,
        packed bytes: UnsafeRawBufferPointer,
        _ body: ([UInt8]) throws(TranscodingError) -> Void
    ) throws(TranscodingError) {
        let field = pool.fields[place]
        var reader = WireReader(bytes)
        while reader.at < bytes.count {
            var value = WireField(number: field.number, type: field.kind.wireType, start: reader.at)
            switch field.kind.wireType {
            case .fixed32: value.value = UInt64(try reader.fixed32())
            case .fixed64: value.value = try reader.fixed64()
            default: value.value = try reader.varint()
            }
            try body(try unquoted { printer throws(TranscodingError) in try printer.scalar(field, value, bytes) })
        }
    }

    /// The one field of a wrapper whose value is a string.
    private func wrappedText(_ type: Int) -> Int? {
        guard pool.messages[type].wellKnown == .wrapper else { return nil }
        let place = Int(pool.messages[type].firstField)
        return pool.fields[place].kind == .string ? place : nil
    }

    /// What is printed, without the quotes that JSON puts around it. Only values without escapes come this way.
    private mutating func unquoted(
        _ body: (inout MessagePrinter) throws(TranscodingError) -> Void
    ) throws(TranscodingError) -> [UInt8] {
        printer.out.removeAll(keepingCapacity: true)
        try body(&printer)
        guard printer.out.first == UInt8(ascii: "\"") else { return printer.out }
        return Array(printer.out.dropFirst().dropLast())
    }

    private static func defaultText(_ field: FieldEntry, _ pool: DescriptorPool) -> [UInt8] {
        switch field.kind {
        case .string, .bytes, .message, .group: return []
        case .bool: return Array("false".utf8)
        case .enumeration:
            let number = pool.enums[Int(field.type)].defaultNumber
            guard let value = pool.value(number: number, of: Int(field.type)) else { return [UInt8(ascii: "0")] }
            return Array(pool.text(value.quoted).utf8.dropFirst().dropLast())
        default: return [UInt8(ascii: "0")]
        }
    }
}
