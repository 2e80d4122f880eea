import NIOCore
import SluiceCore

/// The `tracestate` fields of a request, as one list (Trace Context level 2, section 3.3).
///
/// Isolation: one loop. Allocates: only while its list grows, and for a value that has to be written anew.
struct TraceState {
    enum Outcome: Equatable {
        /// There is none, or none that may go on.
        case none
        /// The only field goes on as it came.
        case asItCame
        /// The members of all fields together, within the limits.
        case rewritten([UInt8])
    }

    /// Members of a list (section 3.3.1.1).
    static let maximumMembers = 32
    /// What is sent on: section 3.3.1.5 asks for at least that much, and there are receivers that throw away a list
    /// which is longer.
    static let maximumBytes = 512
    /// Members longer than this are the first to go.
    private static let longMember = 128
    private static let maximumKey = 256
    private static let maximumValue = 256

    /// A member of the list, by its place in the bytes of the head.
    private struct Member {
        var start: Int
        var count: Int
        var keyCount: Int
    }

    private let name = FieldKey("tracestate")
    private var members: ContiguousArray<Member> = []

    /// Reads the list and says what goes on of it.
    mutating func judge(_ fields: HeaderTable, _ place: TraceFields.Place) -> Outcome {
        guard place.isThere else { return .none }
        members.removeAll(keepingCapacity: true)
        return fields.bytes.withUnsafeReadableBytes { all in
            var next: Int? = place.first
            while let index = next {
                guard collect(fields.entries[index].valueRange, all) else { return .none }
                next = place.count == 1 ? nil : fields.firstIndex(of: name, from: index + 1)
            }
            guard !members.isEmpty else { return .none }
            let range = fields.entries[place.first].valueRange
            if place.count == 1, range.count <= Self.maximumBytes, place.isLowercase { return .asItCame }
            shorten()
            // Section 3.3.1.3: an empty field should not be sent.
            return members.isEmpty ? .none : .rewritten(joined(all))
        }
    }

    /// Takes the members of one field; false when the list is none. Empty members are allowed and do not count.
    private mutating func collect(_ range: ByteRange, _ all: UnsafeRawBufferPointer) -> Bool {
        guard range.end <= all.count else { return false }
        var start = Int(range.start)
        let end = range.end
        while start <= end {
            var stop = start
            while stop < end, all[stop] != UInt8(ascii: ",") { stop += 1 }
            guard add(start, stop, all) else { return false }
            start = stop + 1
        }
        return true
    }

    private mutating func add(_ start: Int, _ stop: Int, _ all: UnsafeRawBufferPointer) -> Bool {
        var (start, stop) = (start, stop)
        while start < stop, Self.isBlank(all[start]) { start += 1 }
        while stop > start, Self.isBlank(all[stop - 1]) { stop -= 1 }
        guard start < stop else { return true }
        guard members.count < Self.maximumMembers, let keyCount = Self.keyCount(all[start..<stop]) else { return false }
        let member = Member(start: start, count: stop - start, keyCount: keyCount)
        guard !members.contains(where: { Self.haveSameKey($0, member, all) }) else { return false }
        members.append(member)
        return true
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Bytes of the key of `key "=" value`; nil for what is no such thing.
    private static func keyCount(_ member: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard let equals = member.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let key = member[..<equals]
        guard (1...maximumKey).contains(key.count), let first = key.first, isKeyStart(first) else { return nil }
        guard key.allSatisfy(isKey) else { return nil }
        let value = member[(equals + 1)...]
        guard (1...maximumValue).contains(value.count), value.allSatisfy(isValue) else { return nil }
        return key.count
    }

    private static func isKeyStart(_ byte: UInt8) -> Bool {
        (byte >= 0x61 && byte <= 0x7A) || ASCII.isDigit(byte)
    }

    /// Level 2 makes `@` a character like the others; level 1 had rules for what stands around it.
    private static func isKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "@"): true
        default: isKeyStart(byte)
        }
    }

    /// Printable ASCII without comma and equals sign.
    private static func isValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte <= 0x7E && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "=")
    }

    private static func haveSameKey(_ a: Member, _ b: Member, _ all: UnsafeRawBufferPointer) -> Bool {
        a.keyCount == b.keyCount
            && all[a.start..<(a.start + a.keyCount)].elementsEqual(all[b.start..<(b.start + b.keyCount)])
    }

    // MARK: - Limits

    /// Takes out whole members until the rest fits: long ones first, from the end (section 3.3.1.5).
    private mutating func shorten() {
        var total = members.reduce(members.count - 1) { $0 + $1.count }
        for limit in [Self.longMember, 0] {
            var index = members.count - 1
            while total > Self.maximumBytes, index >= 0 {
                if members[index].count > limit {
                    total -= members[index].count + 1
                    members.remove(at: index)
                }
                index -= 1
            }
        }
    }

    private func joined(_ all: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Self.maximumBytes)
        for member in members {
            if !out.isEmpty { out.append(UInt8(ascii: ",")) }
            out.append(contentsOf: all[member.start..<(member.start + member.count)])
        }
        return out
    }
}
