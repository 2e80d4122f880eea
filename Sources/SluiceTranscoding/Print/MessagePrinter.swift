import SluiceCore

/// Prints protobuf messages as JSON, by the proto3 JSON mapping.
///
/// The wire may have fields in any order, in pieces and more than once; JSON may not. So each message is read once to
/// note where its fields lie, as runs of neighbours with the same number, and then printed in the order of numbers.
/// A message whose fields are in order, which is what all libraries write, is one run per field.
///
/// What is malformed or nested too deeply is an error. Allocates: when one of its arrays grows; and where the wire has
/// a message in several parts, which have to be joined.
struct MessagePrinter {
    /// Occurrences of one field that follow each other without a gap.
    struct Run {
        /// The field's place in the pool; -1 when another member of its oneof came later.
        var field: Int32
        let start: UInt32
        var end: UInt32
    }

    let pool: DescriptorPool
    let options: PrintOptions
    let unresolvedAny: TranscodingOptions.UnresolvedAny
    let depthLimit: Int
    let textLimit: Int

    /// The text so far; whoever uses the printer takes it and empties it.
    var out: [UInt8] = []
    var runs: [Run] = []
    var keys: KeySet
    /// Messages that are open.
    var depth = 0
    /// Fields that lead to what is being printed, for error texts.
    var path: [Int] = []
    private var winners: [Int32] = []

    init(pool: DescriptorPool, options: TranscodingOptions) {
        self.pool = pool
        self.options = options.print
        unresolvedAny = options.unresolvedAny
        depthLimit = options.limits.depth
        textLimit = options.limits.text
        keys = KeySet(secret: options.secret)
        out.reserveCapacity(512)
        runs.reserveCapacity(16)
    }

    // MARK: - Entry points

    /// Appends a message.
    mutating func append(_ type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        try root { printer throws(TranscodingError) in try printer.message(type, bytes) }
    }

    /// Appends the value that one field of a message has; its default when it is unset.
    mutating func append(field place: Int, of type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        try root { printer throws(TranscodingError) in
            try printer.collect(type, bytes)
            let start = printer.runs.firstIndex { $0.field == Int32(place) } ?? printer.runs.count
            let end = printer.runs[start...].firstIndex { $0.field != Int32(place) } ?? printer.runs.count
            printer.path.append(place)
            if start == end {
                printer.appendDefault(printer.pool.fields[place])
            } else {
                try printer.value(place, start..<end, bytes)
            }
        }
    }

    /// Leaves nothing behind when it fails.
    private mutating func root(
        _ body: (inout MessagePrinter) throws(TranscodingError) -> Void
    ) throws(TranscodingError) {
        let start = out.count
        depth = 0
        path.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        keys.reset()
        do {
            try body(&self)
        } catch {
            out.removeLast(out.count - start)
            throw TranscodingError(error.kind, error.reason, path: pathText)
        }
    }

    private var pathText: String { path.reduce("$") { "\($0).\(pool.jsonName(ofField: $1))" } }

    // MARK: - Messages

    /// A message in the form that its type has in JSON.
    mutating func message(_ type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        guard depth < depthLimit else {
            throw TranscodingError(.tooDeep, "the message is nested deeper than \(depthLimit) levels")
        }
        try checkSize()
        depth += 1
        switch pool.messages[type].wellKnown {
        case .none, .httpBody:
            out.append(UInt8(ascii: "{"))
            let hasMembers = try members(type, bytes, isFirst: true)
            endContainer("}", hasMembers)
        default: try wellKnown(type, bytes)
        }
        depth -= 1
    }

    /// The members of an object; the result is whether it has any.
    mutating func members(
        _ type: Int,
        _ bytes: UnsafeRawBufferPointer,
        isFirst: Bool
    ) throws(TranscodingError) -> Bool {
        let base = runs.count
        try collect(type, bytes)
        var isFirst = isFirst
        var at = base
        if options.alwaysPrintPrimitiveFields {
            for place in pool.messages[type].fields { try member(place, &at, bytes, &isFirst) }
        } else {
            while at < runs.count { try member(Int(runs[at].field), &at, bytes, &isFirst) }
        }
        runs.removeLast(runs.count - base)
        return !isFirst
    }

    /// One member, from the runs that begin at `at` if they are its.
    private mutating func member(
        _ place: Int,
        _ at: inout Int,
        _ bytes: UnsafeRawBufferPointer,
        _ isFirst: inout Bool
    ) throws(TranscodingError) {
        let start = at
        while at < runs.count, runs[at].field == Int32(place) { at += 1 }
        if start < at {
            separate(&isFirst)
            appendKey(place)
            path.append(place)
            try value(place, start..<at, bytes)
            path.removeLast()
        } else if options.alwaysPrintPrimitiveFields, pool.fields[place].isPrintedUnset {
            separate(&isFirst)
            appendKey(place)
            appendDefault(pool.fields[place])
        }
    }

    /// What a few bytes make may be much longer, and be there many times.
    func checkSize() throws(TranscodingError) {
        guard out.count <= textLimit else {
            throw TranscodingError(.tooLarge, "the message has more than \(textLimit) bytes as JSON")
        }
    }

    // MARK: - Where the fields lie

    /// Adds the runs of a message, sorted by field; those of a oneof that another member overrode are left out.
    mutating func collect(_ type: Int, _ bytes: UnsafeRawBufferPointer) throws(TranscodingError) {
        let message = pool.messages[type]
        let base = runs.count
        var isSorted = true
        var reader = WireReader(bytes)
        while let field = try reader.next() {
            guard let place = pool.field(number: field.number, of: message),
                Self.isCompatible(field.type, pool.fields[place])
            else { continue }
            let last = runs.count - 1
            if last >= base, runs[last].field == Int32(place), runs[last].end == UInt32(field.start) {
                runs[last].end = UInt32(reader.at)
            } else {
                if last >= base, runs[last].field >= Int32(place) { isSorted = false }
                runs.append(Run(field: Int32(place), start: UInt32(field.start), end: UInt32(reader.at)))
            }
        }
        if message.oneofCount > 0 { settleOneofs(message, base) }
        if !isSorted { runs[base...].sort { ($0.field, $0.start) < ($1.field, $1.start) } }
    }

    /// A field with another wire type than its own is an unknown one.
    private static func isCompatible(_ type: WireType, _ field: FieldEntry) -> Bool {
        if type == field.kind.wireType { return true }
        return type == .bytes && field.shape != .singular && field.kind.isPackable
    }

    /// Of each oneof only the member counts that came last, and of that only what came after all others.
    private mutating func settleOneofs(_ message: MessageEntry, _ base: Int) {
        // Per oneof: no run yet, the field that won, or that and the end of its part.
        let none: Int32 = -1
        let closed: Int32 = -2
        winners.removeAll(keepingCapacity: true)
        for _ in 0..<message.oneofCount { winners.append(none) }
        var hasLosers = false
        for at in stride(from: runs.count - 1, through: base, by: -1) {
            let place = runs[at].field
            let oneof = Int(pool.fields[Int(place)].oneof)
            guard oneof >= 0, oneof < winners.count else { continue }
            if winners[oneof] == none {
                winners[oneof] = place
            } else if winners[oneof] != place {
                winners[oneof] = closed
                runs[at].field = -1
                hasLosers = true
            }
        }
        guard hasLosers else { return }
        let kept = runs[base...].filter { $0.field >= 0 }
        runs.removeLast(runs.count - base)
        runs += kept
    }

    // MARK: - Layout

    /// What stands between two members or elements.
    mutating func separate(_ isFirst: inout Bool) {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
        if options.addWhitespace { breakLine(indent: depth) }
    }

    mutating func endContainer(_ mark: Unicode.Scalar, _ hasMembers: Bool) {
        if hasMembers, options.addWhitespace { breakLine(indent: depth - 1) }
        out.append(UInt8(ascii: mark))
    }

    private mutating func breakLine(indent: Int) {
        out.append(UInt8(ascii: "\n"))
        for _ in 0..<max(0, indent) { out.append(UInt8(ascii: " ")) }
    }

    private mutating func appendKey(_ place: Int) {
        let field = pool.fields[place]
        let range = options.preserveProtoFieldNames ? field.protoKey : field.jsonKey
        pool.names.withUnsafeBytes { out.append(UnsafeRawBufferPointer(rebasing: $0[Int(range.start)..<range.end])) }
        if options.addWhitespace { out.append(UInt8(ascii: " ")) }
    }
}
