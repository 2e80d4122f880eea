import NIOCore
import SluiceCore

/// Where the fields of trace contexts stand in a head. Those of B3 are found in one pass, since none of their names is interned.
struct TraceFields {
    /// The fields of one name.
    struct Place {
        private var firstIndex: Int32 = -1
        private var number: Int32 = 0
        /// Index of the first one; -1: there is none.
        var first: Int { Int(firstIndex) }
        var count: Int { Int(number) }
        /// Whether all are written in lower case.
        var isLowercase = true

        var isThere: Bool { number > 0 }

        fileprivate mutating func note(_ index: Int) {
            // A head has no more fields than its listener lets pass, far fewer than that.
            if number == 0 { firstIndex = Int32(clamping: index) }
            if number < Int32.max { number += 1 }
        }

        /// Of a name that consists of eight letters at least, and of nothing else.
        private static func hasSmallLetters(_ name: UnsafeRawBufferPointer) -> Bool {
            guard name.count >= 8 else { return false }
            let first = name.loadUnaligned(as: UInt64.self)
            let last = name.loadUnaligned(fromByteOffset: name.count - 8, as: UInt64.self)
            let small: UInt64 = 0x2020_2020_2020_2020
            return first & last & small == small
        }

        fileprivate mutating func note(_ name: FieldName, in fields: inout HeaderTable) {
            var from = 0
            while let index = fields.find(name, from: from) {
                isLowercase = isLowercase && fields.withBytes(fields.entries[index].nameRange, Self.hasSmallLetters)
                note(index)
                from = index + 1
            }
        }
    }

    var parent = Place()
    var state = Place()
    var b3 = Place()
    var b3TraceID = Place()
    var b3SpanID = Place()
    var b3Sampled = Place()
    var b3Flags = Place()
    var b3ParentID = Place()

    var hasB3: Bool {
        b3.isThere || b3TraceID.isThere || b3SpanID.isThere || b3Sampled.isThere || b3Flags.isThere
            || b3ParentID.isThere
    }

    /// Changes nothing: `inout` so that the head is borrowed and not copied.
    init(_ fields: inout HeaderTable, withB3: Bool) {
        parent.note(.traceparent, in: &fields)
        state.note(.tracestate, in: &fields)
        if withB3 { noteB3(fields) }
    }

    private mutating func noteB3(_ fields: HeaderTable) {
        let entries = fields.entries
        fields.bytes.withUnsafeReadableBytes { all in
            for index in entries.indices {
                let entry = entries[index]
                guard case .other = entry.name, !entry.isRemoved else { continue }
                let range = entry.nameRange
                guard range.end <= all.count else { continue }
                noteB3(UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end]), index)
            }
        }
    }

    @inline(__always)
    private mutating func noteB3(_ name: UnsafeRawBufferPointer, _ index: Int) {
        switch name.count {
        case 2 where ASCII.equalsFolded(name, "b3"): b3.note(index)
        case 10 where ASCII.equalsFolded(name, "x-b3-flags"): b3Flags.note(index)
        case 11 where ASCII.equalsFolded(name, "x-b3-spanid"): b3SpanID.note(index)
        case 12 where ASCII.equalsFolded(name, "x-b3-traceid"): b3TraceID.note(index)
        case 12 where ASCII.equalsFolded(name, "x-b3-sampled"): b3Sampled.note(index)
        case 17 where ASCII.equalsFolded(name, "x-b3-parentspanid"): b3ParentID.note(index)
        default: break
        }
    }
}

extension HeaderTable {
    /// The value of the only field of a name; nil where there are none or several.
    func value<R>(_ place: TraceFields.Place, _ body: (UnsafeRawBufferPointer) -> R?) -> R? {
        guard place.count == 1, entries.indices.contains(place.first) else { return nil }
        return withBytes(entries[place.first].valueRange, body)
    }
}
