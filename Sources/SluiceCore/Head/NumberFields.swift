internal import NIOCore

/// Three fields whose values are numbers that are known only with the request, written in one go.
///
/// A class, since each copy of its parts would count references. Isolation: one loop. Allocates: when it is made, and
/// while a table grows.
package final class NumberFields {
    /// `Name: ` of each, one behind the other.
    private let stems: [UInt8]
    private let counts: InlineArray<3, Int>
    private let keys: [FieldKey]
    /// A bit for each length that a name has, those from 63 on together.
    private let lengths: UInt64

    /// The caller answers for valid names, none of which is a well-known one.
    package init(_ first: String, _ second: String, _ third: String) {
        var stems: [UInt8] = []
        var counts = InlineArray<3, Int>(repeating: 0)
        var keys: [FieldKey] = []
        var lengths: UInt64 = 0
        for (i, name) in [first, second, third].enumerated() {
            stems += Array(name.utf8) + [0x3A, 0x20]
            counts[i] = name.utf8.count
            keys.append(FieldKey(name))
            lengths |= 1 &<< UInt64(min(counts[i], 63))
        }
        (self.stems, self.counts, self.keys, self.lengths) = (stems, counts, keys, lengths)
    }

    /// Whether a table may hold one of them: a quick look that is wrong only where other names are as long.
    package func mayBe(in fields: inout HeaderTable) -> Bool { fields.mayHoldOther(lengths: lengths) }

    /// The first value of one of them.
    package func value(of place: Int, in fields: inout HeaderTable) -> ByteRange? {
        fields.findValue(of: keys[place])
    }

    package func remove(from fields: inout HeaderTable) {
        for place in keys.indices { fields.remove(keys[place]) }
    }

    /// Adds all three behind the others.
    package func append(_ numbers: InlineArray<3, UInt64>, to fields: inout HeaderTable) {
        var digits = InlineArray<3, Int>(repeating: 1)
        var total = stems.count
        for i in numbers.indices {
            digits[i] = DecimalDigits.count(numbers[i])
            total &+= digits[i] &+ 2
        }
        var at = fields.appendBytes(total) { memory in
            stems.withUnsafeBytes { stems in
                if let first = stems.baseAddress { write(numbers, digits, first, to: memory) }
            }
        }
        for i in counts.indices {
            fields.appendReceived(
                name: .other,
                nameRange: ByteRange(start: at, count: counts[i]),
                valueRange: ByteRange(start: at + counts[i] + 2, count: digits[i])
            )
            at += counts[i] + digits[i] + 4
        }
    }

    private func write(
        _ numbers: InlineArray<3, UInt64>,
        _ digits: InlineArray<3, Int>,
        _ stems: UnsafeRawPointer,
        to memory: UnsafeMutableRawPointer
    ) {
        var (source, target) = (stems, memory)
        for i in counts.indices {
            target.copyMemory(from: source, byteCount: counts[i] + 2)
            source += counts[i] + 2
            target += counts[i] + 2
            DecimalDigits.write(numbers[i], count: digits[i], to: target)
            target.storeBytes(of: UInt16(0x0D0A).bigEndian, toByteOffset: digits[i], as: UInt16.self)
            target += digits[i] + 2
        }
    }
}

extension HeaderTable {
    /// Whether there is a field that is not well known and whose name has one of these lengths, a bit each.
    fileprivate mutating func mayHoldOther(lengths: UInt64) -> Bool {
        guard present & FieldName.other.bit != 0 else { return false }
        for i in entries.indices where entries[i].name == .other {
            if lengths & (1 &<< UInt64(min(Int(entries[i].nameCount), 63))) != 0 { return true }
        }
        return false
    }
}
