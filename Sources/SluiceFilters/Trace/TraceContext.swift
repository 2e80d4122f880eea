import SluiceCore

/// What a caller says about the trace that its request belongs to.
struct TraceContext: Equatable {
    var id: TraceID
    /// The caller's span.
    var parent: UInt64
    /// Whether the trace is recorded; nil: the caller leaves that to whoever comes next (B3 only).
    var isSampled: Bool?
    /// Whether the last seven bytes of the id are random (Trace Context level 2, section 3.2.2.5.2).
    var isRandom = false
}

/// The value of a `traceparent` field (Trace Context level 2, section 3.2).
enum TraceParent {
    /// Bytes of the value in version 00, the only one that is written.
    static let size = 55
    static let sampledFlag: UInt8 = 1
    static let randomFlag: UInt8 = 2

    /// Reads a value; nil for one that is not to be used, and that restarts the trace.
    ///
    /// A higher version is read as far as this one goes (section 3.2.4): longer values are fine if a dash follows.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> TraceContext? {
        guard bytes.count >= size, let version = HexDigits.byte(bytes, at: 0), version != 0xFF else { return nil }
        guard bytes.count == size || (version > 0 && bytes[size] == dash) else { return nil }
        guard bytes[2] == dash, bytes[35] == dash, bytes[52] == dash else { return nil }
        guard let high = HexDigits.number(bytes, at: 3), let low = HexDigits.number(bytes, at: 19),
            let parent = HexDigits.number(bytes, at: 36), let flags = HexDigits.byte(bytes, at: 53)
        else { return nil }
        let id = TraceID(high: high, low: low)
        guard id.isValid, parent != 0 else { return nil }
        return TraceContext(
            id: id,
            parent: parent,
            isSampled: flags & sampledFlag != 0,
            isRandom: flags & randomFlag != 0
        )
    }

    /// The flags that go on: those that this version does not know are 0 (section 3.2.2.5.3).
    static func flags(sampled: Bool, random: Bool) -> UInt8 { (sampled ? sampledFlag : 0) | (random ? randomFlag : 0) }

    private static let dash = UInt8(ascii: "-")
}
