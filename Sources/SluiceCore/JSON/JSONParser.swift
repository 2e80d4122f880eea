/// What a JSON text may take, so that nobody makes a small text into a large value or a deep recursion.
package struct JSONLimits: Sendable {
    /// Bytes of the text.
    package var bytes: Int
    /// Objects and lists inside each other.
    package var depth: Int
    /// Values of all kinds together.
    package var values: Int

    package init(bytes: Int = 1 << 20, depth: Int = 32, values: Int = 100_000) {
        self.bytes = bytes
        self.depth = depth
        self.values = values
    }
}

/// Why a text is not taken, and where.
package struct JSONError: Error, Hashable, Sendable {
    package enum Kind: String, Sendable {
        case syntax = "is not JSON"
        case encoding = "is not UTF-8"
        case duplicateName = "holds a name twice in one object"
        case tooLarge = "is too large"
        case tooDeep = "is nested too deeply"
        case tooManyValues = "holds too many values"
    }

    package let kind: Kind
    /// Bytes in front of the place where it was noticed.
    package let offset: Int
}

/// Reads a JSON text to the letter of RFC 8259, and more strictly where the letter leaves room.
///
/// A name that is twice in one object is an error: parsers disagree about which value counts, and what one of them
/// checked another would not use. Lone surrogates, invalid UTF-8, a byte order mark and anything behind the value are
/// errors. Isolation: any. Allocates: the value.
package struct JSONParser {
    /// Digits, point and exponent of one number: enough for any that is meant.
    private static let longestNumber = 512

    private let bytes: UnsafeRawBufferPointer
    private let limits: JSONLimits
    private var at = 0
    private var depth = 0
    private var count = 0

    /// The value of a whole text.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer,
        limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes, limits)
        guard bytes.count <= limits.bytes else { throw parser.error(.tooLarge) }
        parser.skipBlanks()
        let value = try parser.value()
        parser.skipBlanks()
        guard parser.at == bytes.count else { throw parser.error(.syntax) }
        return value
    }

    package static func parse(
        _ bytes: [UInt8],
        limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        // The standard library's closure forgets which errors there are.
        try bytes.withUnsafeBytes { buffer in Result { () throws(JSONError) in try parse(buffer, limits: limits) } }
            .get()
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    private func error(_ kind: JSONError.Kind) -> JSONError { JSONError(kind: kind, offset: at) }

    private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    /// Takes the byte if it is there.
    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: byte) else { return false }
        at += 1
        return true
    }

    private mutating func need(_ byte: Unicode.Scalar) throws(JSONError) {
        guard take(byte) else { throw error(.syntax) }
    }

    // MARK: - Values

    private mutating func value() throws(JSONError) -> JSONValue {
        count += 1
        guard count <= limits.values else { throw error(.tooManyValues) }
        switch current {
        case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in .object(try parser.object()) }
        case UInt8(ascii: "["): return try nested { parser throws(JSONError) in .array(try parser.array()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        depth += 1
        guard depth <= limits.depth else { throw error(.tooDeep) }
        at += 1
        skipBlanks()
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for i in 0..<text.utf8CodeUnitCount {
            guard current == text.utf8Start[i] else { throw error(.syntax) }
            at += 1
        }
        return value
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        var items: [JSONValue] = []
        if take("]") { return items }
        while true {
            skipBlanks()
            items.append(try value())
            skipBlanks()
            if take("]") { return items }
            try need(",")
        }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        var members: [JSONObject.Member] = []
        var names: Set<[UInt8]> = []
        if take("}") { return JSONObject(members) }
        while true {
            skipBlanks()
            let start = at
            let name = try string()
            guard isNew(name, members, &names) else { throw JSONError(kind: .duplicateName, offset: start) }
            skipBlanks()
            try need(":")
            skipBlanks()
            members.append(JSONObject.Member(name: name, value: try value()))
            skipBlanks()
            if take("}") { return JSONObject(members) }
            try need(",")
        }
    }

    /// Names are compared with their escapes resolved. A set is made only for objects that are large.
    private func isNew(_ name: [UInt8], _ members: [JSONObject.Member], _ names: inout Set<[UInt8]>) -> Bool {
        if members.count < 16 { return !members.contains { $0.name == name } }
        if names.isEmpty { names = Set(members.map(\.name)) }
        return names.insert(name).inserted
    }

    // MARK: - Numbers

    private mutating func number() throws(JSONError) -> JSONNumber {
        let start = at
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            at += 1
            if !take("+") { _ = take("-") }
            try digits()
        }
        guard at - start <= Self.longestNumber else { throw error(.tooLarge) }
        return JSONNumber(digits: Array(bytes[start..<at]))
    }

    /// One or more.
    private mutating func digits() throws(JSONError) {
        let start = at
        while let byte = current, ASCII.isDigit(byte) { at += 1 }
        guard at > start else { throw error(.syntax) }
    }

    // MARK: - Texts

    private mutating func string() throws(JSONError) -> [UInt8] {
        try need("\"")
        var text: [UInt8] = []
        var isASCII = true
        var start = at
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                text.append(contentsOf: bytes[start..<at])
                at += 1
                guard isASCII || String(validating: text, as: UTF8.self) != nil else { throw error(.encoding) }
                return text
            case UInt8(ascii: "\\"):
                text.append(contentsOf: bytes[start..<at])
                at += 1
                try escape(into: &text)
                start = at
            case 0..<0x20: throw error(.syntax)
            default:
                if byte >= 0x80 { isASCII = false }
                at += 1
            }
        }
        throw error(.syntax)
    }

    /// What stands behind a backslash.
    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = current else { throw error(.syntax) }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(String(try scalar()).utf8))
        default: throw error(.syntax)
        }
    }

    /// `\uD83D\uDE00` is one character; half of such a pair is none (RFC 8259, section 8.2, warns of it).
    private mutating func scalar() throws(JSONError) -> Unicode.Scalar {
        let first = try codeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00 else { throw error(.encoding) }
        try need("\\")
        try need("u")
        let second = try codeUnit()
        guard (0xDC00...0xDFFF).contains(second) else { throw error(.encoding) }
        let value = 0x10000 + (UInt32(first - 0xD800) << 10 | UInt32(second - 0xDC00))
        guard let scalar = Unicode.Scalar(value) else { throw error(.encoding) }
        return scalar
    }

    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = ASCII.hexValue(byte) else { throw error(.syntax) }
            value = value << 4 | UInt16(digit)
            at += 1
        }
        return value
    }
}
