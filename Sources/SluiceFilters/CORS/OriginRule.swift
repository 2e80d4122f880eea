import SluiceConfig
import SluiceCore

/// An origin, or several, as the configuration names them.
enum OriginRule: Hashable, Sendable {
    case any
    /// `null`: documents without an origin of their own (sandboxed frames, files, some redirects).
    case null
    /// As browsers send it.
    case exact(String)
    case pattern(OriginPattern)
    case regex(String)

    var text: String {
        switch self {
        case .any: "*"
        case .null: "null"
        case .exact(let origin): origin
        case .pattern(let pattern): pattern.text
        case .regex(let text): "~\(text)"
        }
    }

    static func parse(_ text: String) -> Result<OriginRule, ValueProblem> {
        if text == "*" { return .success(.any) }
        if text == "null" { return .success(.null) }
        if text.hasPrefix("~") { return regex(String(text.dropFirst())) }
        if text.contains("*") {
            if let pattern = OriginPattern(text) { return .success(.pattern(pattern)) }
            return .failure(
                ValueProblem(
                    "is not a pattern of origins: {}",
                    help: hint(text) ?? "'*' stands in the first label of the host, or for the port: "
                        + "'https://*.example.com', 'https://app-*.example.com', 'http://localhost:*'"
                )
            )
        }
        let bytes = Array(text.utf8)
        let normal = bytes.withUnsafeBytes { bytes in OriginParts(bytes)?.normalized(bytes) }
        if let normal { return .success(.exact(String(decoding: normal, as: UTF8.self))) }
        let help = hint(text) ?? "scheme and host, and nothing behind them: 'https://app.example.com'"
        return .failure(ValueProblem("is not an origin: {}", help: help))
    }

    private static func hint(_ text: String) -> String? {
        guard let separator = text.firstRange(of: "://") else {
            return text.contains("(") || text.contains("\\")
                ? "a regular expression begins with '~'" : "begin with the scheme: 'https://{}'"
        }
        let rest = text[separator.upperBound...]
        if rest.contains(where: { "()[]\\^$|+".contains($0) }), !rest.hasPrefix("[") {
            return "a regular expression begins with '~'"
        }
        if rest.contains("/") {
            return "an origin ends before the path: '\(text[..<separator.upperBound])\(rest.prefix { $0 != "/" })'"
        }
        if rest.contains("@") { return "an origin has no user" }
        return text.utf8.allSatisfy { $0 < 0x80 } ? nil : "write international names in their 'xn--' form"
    }

    private static func regex(_ pattern: String) -> Result<OriginRule, ValueProblem> {
        do throws(RegularExpressionError) {
            _ = try RegularExpression(pattern)
        } catch {
            let what = "is not a regular expression"
            return .failure(ValueProblem(.regex, what, detail: error.message, help: error.help))
        }
        if hasCarelessDot(pattern) {
            let what = "has a '.' that stands for any character, so that other people's domains match too: {}"
            return .failure(ValueProblem(.regex, what, help: "write '\\.' for a dot"))
        }
        return .success(.regex(pattern))
    }

    /// A dot that is not escaped and not repeated: `~https://app.example\.com` takes `https://appXexample.com`, which
    /// anybody may register.
    static func hasCarelessDot(_ pattern: String) -> Bool {
        // Who quotes (`\Q...\E`) knows.
        if pattern.contains("\\Q") { return false }
        let bytes = Array(pattern.utf8)
        var isInClass = false
        var i = 0
        while i < bytes.count {
            switch bytes[i] {
            case UInt8(ascii: "\\"): i += 1
            case UInt8(ascii: "[") where !isInClass:
                isInClass = true
                // A bracket right behind the opening one is a character of the class.
                if i + 1 < bytes.count, bytes[i + 1] == UInt8(ascii: "^") { i += 1 }
                if i + 1 < bytes.count, bytes[i + 1] == UInt8(ascii: "]") { i += 1 }
            case UInt8(ascii: "]"): isInClass = false
            case UInt8(ascii: ".") where !isInClass:
                let next = i + 1 < bytes.count ? bytes[i + 1] : 0
                if !"*+?{".utf8.contains(next) { return true }
            default: break
            }
            i += 1
        }
        return false
    }
}

/// An origin with a `*`: in the first label of its host, for the port, or both.
///
/// A star that is the whole label stands for one or more labels, as in the hosts of routes; one beside other characters
/// for a part of that label.
struct OriginPattern: Hashable, Sendable {
    enum Port: Hashable, Sendable {
        case any
        /// That of the scheme.
        case usual
        case exact(UInt16)
    }

    let text: String
    let scheme: [UInt8]
    /// What stands before and behind the star of the host.
    let prefix: [UInt8]
    let suffix: [UInt8]
    /// The host has a star.
    let hasStar: Bool
    /// The star may stand for several labels.
    let spansLabels: Bool
    let port: Port

    init?(_ text: String) {
        let lower = text.lowercased()
        guard let separator = lower.firstRange(of: "://") else { return nil }
        let anyPort = lower.hasSuffix(":*")
        let origin = anyPort ? String(lower.dropLast(2)) : lower
        let host = origin[separator.upperBound...].prefix { $0 != ":" }
        let stars = host.filter { $0 == "*" }.count
        guard stars <= 1, stars == 1 || anyPort, origin.filter({ $0 == "*" }).count == stars else { return nil }
        let star = host.firstIndex(of: "*")
        let label = host.prefix { $0 != "." }
        if let star, star >= label.endIndex { return nil }
        // The rest must be an origin: with some label in the star's place.
        let bytes = Array(origin.replacing("*", with: "x").utf8)
        guard let parts = bytes.withUnsafeBytes({ OriginParts($0) }) else { return nil }
        self.text = lower
        scheme = Array(bytes[..<parts.schemeCount])
        prefix = Array(host[..<(star ?? host.endIndex)].utf8)
        suffix = star.map { Array(host[host.index(after: $0)...].utf8) } ?? []
        hasStar = star != nil
        spansLabels = label == "*"
        let usual = scheme.withUnsafeBytes { OriginParts.usualPort(ofScheme: $0) }
        port = anyPort ? .any : parts.port == nil || parts.port == usual ? .usual : .exact(parts.port ?? 0)
    }

    /// Whether an origin in its normal form is meant.
    func matches(_ origin: UnsafeRawBufferPointer, _ parts: OriginParts) -> Bool {
        guard origin[..<parts.schemeCount].elementsEqual(scheme) else { return false }
        switch port {
        case .any: break
        case .usual: if parts.port != nil { return false }
        case .exact(let number): if parts.port != number { return false }
        }
        let host = UnsafeRawBufferPointer(rebasing: origin[parts.host])
        guard hasStar else { return host.elementsEqual(prefix) }
        guard host.count > prefix.count + suffix.count, host.starts(with: prefix),
            host.suffix(suffix.count).elementsEqual(suffix)
        else { return false }
        // No label is empty, so what the star stands for neither begins nor ends with a dot.
        return spansLabels || !host[prefix.count..<(host.count - suffix.count)].contains(UInt8(ascii: "."))
    }
}

extension ValueType where Value == OriginRule {
    static var origin: Self { scalar(.text("origin")) { OriginRule.parse($0) } }
}
