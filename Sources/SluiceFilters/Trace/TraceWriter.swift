import NIOCore
import SluiceCore

/// Writes trace contexts into the heads of requests.
///
/// Isolation: one loop, which is why the names are its own: reference counts on arrays of all loops would cost more than
/// everything else here. Allocates: where a head has no fitting field, and for B3.
struct TraceWriter {
    private let parentLine = FieldLine(
        name: "traceparent".utf8,
        value: "00-00000000000000000000000000000000-0000000000000000-00".utf8
    )
    private let parentKey = FieldKey("traceparent")
    private let stateKey = FieldKey("tracestate")
    private let b3Key = FieldKey("b3")
    private let b3Keys = ["traceid", "spanid", "parentspanid", "sampled", "flags"].map { FieldKey("x-b3-\($0)") }
    private let traceIDName = Array("x-b3-traceid".utf8)
    private let spanIDName = Array("x-b3-spanid".utf8)
    private let sampledName = Array("x-b3-sampled".utf8)

    // MARK: - W3C

    /// Writes over the field that is there, if that is possible, so that the head stays in one piece.
    func writeParent(_ context: TraceContext, span: UInt64, _ place: TraceFields.Place, to fields: inout HeaderTable) {
        var index = place.first
        let fits =
            place.count == 1 && place.isLowercase && fields.entries.indices.contains(index)
            && fields.entries[index].valueCount == UInt32(TraceParent.size)
        if !fits {
            if place.isThere { fields.remove(parentKey) }
            index = fields.entries.count
            fields.append(parentLine)
        }
        let start = Int(fields.entries[index].valueStart)
        let flags = TraceParent.flags(sampled: context.isSampled ?? false, random: context.isRandom)
        Self.overwrite(&fields.bytes, start, context.id, span, flags)
    }

    /// All 55 bytes: version, trace, span and flags, with the dashes between them.
    private static func overwrite(
        _ bytes: inout ByteBuffer,
        _ start: Int,
        _ id: TraceID,
        _ span: UInt64,
        _ flags: UInt8
    ) {
        let dash = UInt8(ascii: "-")
        // One look at the buffer's memory, instead of one for each part.
        bytes.withVeryUnsafeMutableBytes { all in
            guard let first = all.baseAddress, start + TraceParent.size <= all.count else { return }
            let value = first + start
            value.storeBytes(of: HexDigits.of(UInt8(0)).bigEndian, as: UInt16.self)
            value.storeBytes(of: dash, toByteOffset: 2, as: UInt8.self)
            HexDigits.write(id.high, to: value + 3)
            HexDigits.write(id.low, to: value + 19)
            value.storeBytes(of: dash, toByteOffset: 35, as: UInt8.self)
            HexDigits.write(span, to: value + 36)
            value.storeBytes(of: dash, toByteOffset: 52, as: UInt8.self)
            value.storeBytes(of: HexDigits.of(flags).bigEndian, toByteOffset: 53, as: UInt16.self)
        }
    }

    func writeState(_ outcome: TraceState.Outcome, _ place: TraceFields.Place, to fields: inout HeaderTable) {
        switch outcome {
        case .asItCame: break
        case .none: if place.isThere { fields.remove(stateKey) }
        case .rewritten(let value):
            fields.remove(stateKey)
            fields.append(name: stateKey.lowercased, value: value)
        }
    }

    func removeW3C(_ found: TraceFields, from fields: inout HeaderTable) {
        if found.parent.isThere { fields.remove(parentKey) }
        if found.state.isThere { fields.remove(stateKey) }
    }

    // MARK: - B3

    func removeB3(from fields: inout HeaderTable) {
        fields.remove(b3Key)
        for key in b3Keys { fields.remove(key) }
    }

    func appendB3(_ context: TraceContext, span: UInt64, to fields: inout HeaderTable) {
        let value = B3.single(context.id, span: span, isSampled: context.isSampled ?? false)
        fields.append(name: b3Key.lowercased, value: value)
    }

    func appendSeveralB3(_ context: TraceContext, span: UInt64, to fields: inout HeaderTable) {
        fields.append(name: traceIDName, value: B3.traceID(context.id))
        fields.append(name: spanIDName, value: B3.digits(span))
        let sampled = context.isSampled ?? false ? UInt8(ascii: "1") : UInt8(ascii: "0")
        fields.append(name: sampledName, value: CollectionOfOne(sampled))
    }
}
