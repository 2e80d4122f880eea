import NIOCore
import SluiceCore

/// Where the fields of trace contexts stand in a head: found in one pass, since none of their names is interned.
struct TraceFields {
    /// The fields of one name.
    struct Place {
        /// Index of the first one; -1: there is none.
        var first = -1
        var count = 0
        /// Whether all are written in lower case.
        var isLowercase = true

        var isThere: Bool { count > 0 }

        fileprivate mutating func note(_ index: Int) {
            if count == 0 { first = index }
            count += 1
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

    init(_ fields: HeaderTable, withB3: Bool) {
        let entries = fields.entries
        fields.bytes.withUnsafeReadableBytes { all in
            for index in entries.indices {
                let entry = entries[index]
                guard case .other = entry.name, !entry.isRemoved else { continue }
                let range = entry.nameRange
                guard range.end <= all.count else { continue }
                let name = UnsafeRawBufferPointer(rebasing: all[Int(range.start)..<range.end])
                note(name, index)
                if withB3 { noteB3(name, index) }
            }
        }
    }

    @inline(__always)
    private mutating func note(_ name: UnsafeRawBufferPointer, _ index: Int) {
        switch name.count {
        case 11 where ASCII.equalsFolded(name, "traceparent"):
            parent.note(index)
            parent.isLowercase = parent.isLowercase && !Self.hasCapitals(name)
        case 10 where ASCII.equalsFolded(name, "tracestate"):
            state.note(index)
            state.isLowercase = state.isLowercase && !Self.hasCapitals(name)
        default: break
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

    private static func hasCapitals(_ name: UnsafeRawBufferPointer) -> Bool {
        name.contains { $0 >= 0x41 && $0 <= 0x5A }
    }
}

extension HeaderTable {
    /// The value of the only field of a name; nil where there are none or several.
    func value<R>(_ place: TraceFields.Place, _ body: (UnsafeRawBufferPointer) -> R?) -> R? {
        guard place.count == 1, entries.indices.contains(place.first) else { return nil }
        return withBytes(entries[place.first].valueRange, body)
    }
}
