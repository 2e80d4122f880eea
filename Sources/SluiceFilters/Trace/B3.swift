import SluiceCore

/// Trace contexts in the two forms that Zipkin made popular: one field `b3`, or several `x-b3-...`.
///
/// Source: openzipkin/b3-propagation.
enum B3 {
    enum Incoming: Equatable {
        case context(TraceContext)
        /// No trace, but a decision on whether there is to be one.
        case decision(isSampled: Bool)
    }

    /// Reads whatever form is there; the single field wins.
    static func read(_ fields: HeaderTable, _ found: TraceFields) -> Incoming? {
        if found.b3.isThere { return fields.value(found.b3, parse) }
        return several(fields, found)
    }

    /// `trace-span[-state[-parent]]`, or the state alone.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> Incoming? {
        if bytes.count == 1 { return state(bytes[0]).map { .decision(isSampled: $0) } }
        var parts = Split(bytes)
        guard let trace = parts.next(), let id = traceID(trace), let span = parts.next(), let parent = spanID(span)
        else { return nil }
        var context = TraceContext(id: id, parent: parent)
        if let text = parts.next() {
            guard text.count == 1, let sampled = state(text[0]) else { return nil }
            context.isSampled = sampled
            if let grandparent = parts.next() {
                guard spanID(grandparent) != nil, parts.next() == nil else { return nil }
            }
        }
        return .context(context)
    }

    /// Debug counts as sampled.
    private static func state(_ byte: UInt8) -> Bool? {
        switch byte {
        case UInt8(ascii: "1"), UInt8(ascii: "d"): true
        case UInt8(ascii: "0"): false
        default: nil
        }
    }

    private static func several(_ fields: HeaderTable, _ found: TraceFields) -> Incoming? {
        var sampled: Bool?
        if found.b3Sampled.isThere {
            // `true` and `false` are what old libraries write.
            sampled = fields.value(found.b3Sampled) { text in
                if ASCII.equalsFolded(text, "true") { return true }
                if ASCII.equalsFolded(text, "false") { return false }
                return text.count == 1 && text[0] != UInt8(ascii: "d") ? state(text[0]) : nil
            }
            guard sampled != nil else { return nil }
        }
        if fields.value(found.b3Flags, { $0.count == 1 && $0[0] == UInt8(ascii: "1") ? true : nil }) == true {
            sampled = true
        }
        guard found.b3TraceID.isThere || found.b3SpanID.isThere else {
            return sampled.map { .decision(isSampled: $0) }
        }
        guard let id = fields.value(found.b3TraceID, traceID), let parent = fields.value(found.b3SpanID, spanID) else {
            return nil
        }
        return .context(TraceContext(id: id, parent: parent, isSampled: sampled))
    }

    /// 16 or 32 digits, not all of them 0.
    private static func traceID(_ text: UnsafeRawBufferPointer) -> TraceID? {
        guard text.count == 16 || text.count == 32,
            let low = HexDigits.number(text, at: text.count - 16, anyCase: true)
        else { return nil }
        guard let high = text.count == 16 ? 0 : HexDigits.number(text, at: 0, anyCase: true) else { return nil }
        let id = TraceID(high: high, low: low)
        return id.isValid ? id : nil
    }

    private static func spanID(_ text: UnsafeRawBufferPointer) -> UInt64? {
        guard text.count == 16, let id = HexDigits.number(text, at: 0, anyCase: true), id != 0 else { return nil }
        return id
    }

    /// The parts between dashes.
    private struct Split {
        private var rest: UnsafeRawBufferPointer?

        init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

        mutating func next() -> UnsafeRawBufferPointer? {
            guard let bytes = rest else { return nil }
            guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")) else {
                rest = nil
                return bytes
            }
            rest = UnsafeRawBufferPointer(rebasing: bytes[(dash + 1)...])
            return UnsafeRawBufferPointer(rebasing: bytes[..<dash])
        }
    }

    // MARK: - Writing

    /// The single field's value. An id of 64 bits stays one, as Zipkin's libraries expect.
    static func single(_ id: TraceID, span: UInt64, isSampled: Bool) -> [UInt8] {
        traceID(id) + [UInt8(ascii: "-")] + digits(span) + Array(isSampled ? "-1".utf8 : "-0".utf8)
    }

    static func traceID(_ id: TraceID) -> [UInt8] { (id.high == 0 ? [] : digits(id.high)) + digits(id.low) }

    static func digits(_ number: UInt64) -> [UInt8] {
        let high = HexDigits.of(UInt32(truncatingIfNeeded: number >> 32))
        let low = HexDigits.of(UInt32(truncatingIfNeeded: number))
        return [UInt8](unsafeUninitializedCapacity: 16) { bytes, count in
            for i in 0..<8 {
                bytes[i] = UInt8(truncatingIfNeeded: high >> UInt64(56 - i * 8))
                bytes[i + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - i * 8))
            }
            count = 16
        }
    }
}
