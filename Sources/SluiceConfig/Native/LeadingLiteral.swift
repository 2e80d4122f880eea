internal import SluiceCore

/// The literal text with which every match of a regular expression begins.
enum LeadingLiteral {
    /// Bytes up to the first thing that is no plain character; empty when there is an alternative at the top or when
    /// letters match in both cases. Never more than is true, sometimes less.
    static func of(_ pattern: String) -> [UInt8] {
        let bytes = Array(pattern.utf8)
        guard !hasAlternative(bytes) else { return [] }
        var out: [UInt8] = []
        var at = bytes.first == UInt8(ascii: "^") ? 1 : 0
        while at < bytes.count {
            var byte = bytes[at]
            var next = at + 1
            if byte == UInt8(ascii: "\\") {
                // `\.` is a dot, `\d` a class.
                guard next < bytes.count, isPunctuation(bytes[next]) else { break }
                byte = bytes[next]
                next += 1
            } else if isSpecial(byte) {
                break
            }
            if next < bytes.count, isOptional(bytes[next]) { break }
            out.append(byte)
            at = next
            // One or more of it: what follows is not known.
            if next < bytes.count, bytes[next] == UInt8(ascii: "+") { break }
        }
        return out
    }

    /// Means more than itself, or is part of a character of several bytes.
    private static func isSpecial(_ byte: UInt8) -> Bool { byte >= 0x80 || ".[](){}*+?|^$".utf8.contains(byte) }

    /// Makes the character before it optional, or might.
    private static func isOptional(_ byte: UInt8) -> Bool { "*?{".utf8.contains(byte) }

    private static func isPunctuation(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !ASCII.isDigit(byte)
            && !(ASCII.lowercased(byte) >= 0x61 && ASCII.lowercased(byte) <= 0x7A)
    }

    /// A `|` outside of all groups and classes.
    private static func hasAlternative(_ bytes: [UInt8]) -> Bool {
        var depth = 0
        var inClass = false
        var at = 0
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\\"): at += 1
            case UInt8(ascii: "]"): inClass = false
            case UInt8(ascii: "[") where !inClass:
                inClass = true
                // A bracket that comes first belongs to the class.
                if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "^") { at += 1 }
                if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "]") { at += 1 }
            case UInt8(ascii: "(") where !inClass: depth += 1
            case UInt8(ascii: ")") where !inClass: depth -= 1
            case UInt8(ascii: "|") where !inClass && depth == 0: return true
            default: break
            }
            at += 1
        }
        return false
    }
}
