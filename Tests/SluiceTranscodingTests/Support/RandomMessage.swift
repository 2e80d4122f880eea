import SluiceCore

@testable import SluiceTranscoding

/// Messages of any type with odd values, made by a seed. They are what a library could write: canonical.
struct RandomMessage {
    private let pool: DescriptorPool
    private var random: RandomSource

    init(pool: DescriptorPool = Fixture.pool, seed: UInt64) {
        self.pool = pool
        random = RandomSource(seed: seed)
    }

    mutating func message(_ type: Int, depth: Int = 0) -> [UInt8] {
        let entry = pool.messages[type]
        switch entry.wellKnown {
        case .timestamp, .duration: return time(isDuration: entry.wellKnown == .duration)
        case .fieldMask: return fieldMask()
        case .any: return any(depth)
        case .value: return value(type, depth)
        default: break
        }
        var out: [UInt8] = []
        var oneofs: Set<Int32> = []
        for place in entry.fields where random.below(3) == 0 || entry.wellKnown != .none {
            let field = pool.fields[place]
            // Deep messages would never end, and an enum of null prints as null whatever it is.
            if field.kind.isMessage, depth > 4 { continue }
            if field.oneof >= 0, !oneofs.insert(field.oneof).inserted { continue }
            append(field, depth, to: &out)
        }
        return out
    }

    private mutating func append(_ field: FieldEntry, _ depth: Int, to out: inout [UInt8]) {
        switch field.shape {
        case .singular: single(field, depth, skipsDefault: !field.hasPresence, to: &out)
        case .list: for _ in 0..<random.below(4) { single(field, depth, skipsDefault: false, to: &out) }
        case .packed:
            var run: [UInt8] = []
            for _ in 0..<random.below(4) { _ = scalar(field, to: &run) }
            if !run.isEmpty { run.withUnsafeBytes { out.appendField(field.number, $0) } }
        case .map: map(field, depth, to: &out)
        }
    }

    private mutating func single(_ field: FieldEntry, _ depth: Int, skipsDefault: Bool, to out: inout [UInt8]) {
        var content: [UInt8] = []
        if field.kind.isMessage {
            content = message(Int(field.type), depth: depth + 1)
        } else if scalar(field, to: &content), skipsDefault {
            return
        }
        switch field.kind.wireType {
        case .bytes where field.kind == .message: content.withUnsafeBytes { out.appendField(field.number, $0) }
        case .startGroup:
            out.appendTag(field.number, .startGroup)
            out += content
            out.appendTag(field.number, .endGroup)
        default:
            out.appendTag(field.number, field.kind.wireType)
            out += content
        }
    }

    private mutating func map(_ field: FieldEntry, _ depth: Int, to out: inout [UInt8]) {
        let fields = pool.messages[Int(field.type)].fields.map { pool.fields[$0] }
        var keys: Set<[UInt8]> = []
        for _ in 0..<random.below(4) {
            var entry: [UInt8] = []
            single(fields[0], depth, skipsDefault: false, to: &entry)
            guard keys.insert(entry).inserted else { continue }
            single(fields[1], depth, skipsDefault: false, to: &entry)
            entry.withUnsafeBytes { out.appendField(field.number, $0) }
        }
    }

    // MARK: - Scalars

    /// One value without its tag; whether it is the default.
    private mutating func scalar(_ field: FieldEntry, to out: inout [UInt8]) -> Bool {
        switch field.kind {
        case .string, .bytes:
            let content = field.kind == .string ? text() : (0..<random.below(6)).map { _ in UInt8(random.below(256)) }
            out.appendVarint(UInt64(content.count))
            out += content
            return content.isEmpty
        case .bool:
            let flag = random.below(2)
            out.appendVarint(flag)
            return flag == 0
        case .enumeration: return enumeration(Int(field.type), to: &out)
        case .float:
            let value = Float([0, -0.0, 1.5, 3.4e38, .nan, .infinity, -1e-40, 0.1][Int(random.below(8))])
            out.appendFixed32(value.bitPattern)
            return value.bitPattern == 0
        case .double:
            let value: Double = [
                0, -0.0, 1.5, 1.7e308, .nan, -.infinity, .leastNonzeroMagnitude, 0.1, 1e21, 123_456_789,
            ][Int(random.below(10))]
            out.appendFixed64(value.bitPattern)
            return value.bitPattern == 0
        default: return integer(field.kind, to: &out)
        }
    }

    private mutating func enumeration(_ type: Int, to out: inout [UInt8]) -> Bool {
        let values = pool.enums[type].values.map { pool.enumValues[$0].number }
        var number = values[Int(random.below(UInt64(values.count)))]
        if !pool.enums[type].isClosed, !pool.enums[type].isNull, random.below(4) == 0 { number = 4711 }
        out.appendVarint(UInt64(bitPattern: Int64(number)))
        return number == 0
    }

    private mutating func integer(_ kind: FieldKind, to out: inout [UInt8]) -> Bool {
        let bits = [0, 1, 127, 128, .max, 1 << 63, 1 << 31, random.next()][Int(random.below(8))]
        switch kind {
        case .int32: out.appendVarint(UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: bits))))
        case .uint32: out.appendVarint(bits & 0xFFFF_FFFF)
        case .sint32: out.appendVarint(Wire.zigzag(Int64(Int32(truncatingIfNeeded: bits))))
        case .sint64: out.appendVarint(Wire.zigzag(Int64(bitPattern: bits)))
        case .fixed32, .sfixed32: out.appendFixed32(UInt32(truncatingIfNeeded: bits))
        case .fixed64, .sfixed64: out.appendFixed64(bits)
        default: out.appendVarint(bits)
        }
        let isShort = [FieldKind.int32, .uint32, .sint32, .fixed32, .sfixed32].contains(kind)
        return isShort ? bits & 0xFFFF_FFFF == 0 : bits == 0
    }

    private mutating func text() -> [UInt8] {
        let texts = ["", "a", "é€😀", "\"\\/", "\u{0}\u{1F}\n\t", String(repeating: "long ", count: 30), "</script>&"]
        return Array(texts[Int(random.below(UInt64(texts.count)))].utf8)
    }

    // MARK: - Well-known types

    private mutating func time(isDuration: Bool) -> [UInt8] {
        var out: [UInt8] = []
        let limit: UInt64 = isDuration ? 315_576_000_000 : 62_135_596_800
        let magnitude = Int64(random.below(limit))
        let isNegative = random.below(2) == 0
        let seconds = isNegative ? -magnitude : magnitude
        let nanos = [0, 1, 999_999_999, 500_000_000, 1000][Int(random.below(5))] as Int64
        if seconds != 0 {
            out.appendTag(1, .varint)
            out.appendVarint(UInt64(bitPattern: seconds))
        }
        if nanos != 0 {
            out.appendTag(2, .varint)
            out.appendVarint(UInt64(bitPattern: isDuration && isNegative ? -nanos : nanos))
        }
        return out
    }

    private mutating func fieldMask() -> [UInt8] {
        var out: [UInt8] = []
        for path in ["a", "foo_bar.baz", "x1.y_z"] where random.below(2) == 0 {
            Array(path.utf8).withUnsafeBytes { out.appendField(1, $0) }
        }
        return out
    }

    private mutating func any(_ depth: Int) -> [UInt8] {
        let names = ["sluice.test.Scalars", "sluice.test.Kitchen", "google.protobuf.Duration", "google.protobuf.Value"]
        guard depth < 3, random.below(4) > 0 else { return [] }
        let name = names[Int(random.below(4))]
        var out: [UInt8] = []
        Array("type.googleapis.com/\(name)".utf8).withUnsafeBytes { out.appendField(1, $0) }
        let content = message(Fixture.message(name), depth: depth + 1)
        if !content.isEmpty { content.withUnsafeBytes { out.appendField(2, $0) } }
        return out
    }

    /// One of the kinds, and numbers that JSON has.
    private mutating func value(_ type: Int, _ depth: Int) -> [UInt8] {
        var out: [UInt8] = []
        switch random.below(depth > 4 ? 3 : 6) {
        case 0: out = [0x08, 0]
        case 1:
            out.appendTag(2, .fixed64)
            out.appendFixed64([0, -1.5, 1e300, 42][Int(random.below(4))].bitPattern)
        case 2: text().withUnsafeBytes { out.appendField(3, $0) }
        case 3: out = [0x20, UInt8(random.below(2))]
        default:
            let number = UInt32(5 + random.below(2))
            guard let place = pool.field(number: number, of: pool.messages[type]) else { return out }
            let content = message(Int(pool.fields[place].type), depth: depth + 1)
            content.withUnsafeBytes { out.appendField(number, $0) }
        }
        return out
    }
}
