import SluiceCore

@testable import SluiceTranscoding

/// A message in one form, whatever the order of its fields was: fields by number, map entries by their bytes, packed
/// runs taken apart, parts of messages joined.
///
/// It shares the wire reader with the code under test, but nothing that decides what is written.
enum Canonical {
    indirect enum Value: Equatable {
        case number(UInt64)
        case bytes([UInt8])
        case message([Field])
    }

    struct Field: Equatable {
        let number: UInt32
        var values: [Value]
    }

    static func fields(_ bytes: [UInt8], as type: Int, in pool: DescriptorPool = Fixture.pool) throws -> [Field] {
        let message = pool.messages[type]
        var found: [UInt32: [Value]] = [:]
        var joined: [UInt32: [UInt8]] = [:]
        try bytes.withUnsafeBytes { all in
            var reader = WireReader(all)
            while let field = try reader.next() {
                guard let place = pool.field(number: field.number, of: message) else { continue }
                let entry = pool.fields[place]
                if entry.kind.isMessage, entry.shape == .singular {
                    joined[field.number, default: []] += Array(reader.content(field))
                } else {
                    found[field.number, default: []] += try values(field, Array(reader.content(field)), entry, pool)
                }
            }
        }
        for (number, content) in joined {
            guard let place = pool.field(number: number, of: message) else { continue }
            found[number] = [.message(try fields(content, as: Int(pool.fields[place].type), in: pool))]
        }
        return found.sorted { $0.key < $1.key }.map { number, values in
            let place = pool.field(number: number, of: message)
            let isMap = place.map { pool.fields[$0].shape == .map } ?? false
            return Field(number: number, values: isMap ? values.sorted { "\($0)" < "\($1)" } : values)
        }
    }

    private static func values(
        _ field: WireField,
        _ content: [UInt8],
        _ entry: FieldEntry,
        _ pool: DescriptorPool
    )
        throws -> [Value]
    {
        if entry.kind.isMessage { return [.message(try fields(content, as: Int(entry.type), in: pool))] }
        if field.type == .bytes, entry.kind.isPackable {
            return try elements(content, entry.kind).map { .number($0) }
        }
        return [field.type == .bytes ? .bytes(content) : .number(field.value)]
    }

    private static func elements(_ content: [UInt8], _ kind: FieldKind) throws -> [UInt64] {
        try content.withUnsafeBytes { all in
            var reader = WireReader(all)
            var values: [UInt64] = []
            while reader.at < all.count {
                switch kind.wireType {
                case .fixed32: values.append(UInt64(try reader.fixed32()))
                case .fixed64: values.append(try reader.fixed64())
                default: values.append(try reader.varint())
                }
            }
            return values
        }
    }
}

/// Whether two JSON texts mean the same: members in any order, numbers by their value.
enum SameJSON {
    static func compare(_ a: String, _ b: String) -> Bool {
        let limits = JSONLimits(bytes: 1 << 24, depth: 128, values: 1 << 20)
        guard let a = try? JSONParser.parse(Array(a.utf8), limits: limits),
            let b = try? JSONParser.parse(Array(b.utf8), limits: limits)
        else { return false }
        return compare(a, b)
    }

    static func compare(_ a: JSONValue, _ b: JSONValue) -> Bool {
        switch (a, b) {
        case (.number(let a), .number(let b)): return a == b || a.double == b.double
        case (.array(let a), .array(let b)): return a.count == b.count && zip(a, b).allSatisfy { compare($0, $1) }
        case (.object(let a), .object(let b)):
            return a.members.count == b.members.count
                && a.members.allSatisfy { member in
                    b[member.name].map { compare(member.value, $0) } ?? false
                }
        default: return a == b
        }
    }
}
