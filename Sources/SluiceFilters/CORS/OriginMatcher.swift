import SluiceConfig
import SluiceCore

/// Which origins a policy knows. Origins are compared as browsers send them: scheme, host and port in lower case,
/// without the default port (Fetch standard; RFC 6454, section 6.2).
struct OriginMatcher: Sendable {
    private let all: Bool
    private let exact: Set<[UInt8]>
    /// What stands before and behind the `*` of a pattern.
    private let patterns: [(prefix: [UInt8], suffix: [UInt8])]
    private let expressions: [RegularExpression]

    init(_ rules: [OriginRule]) {
        var all = false
        var exact: Set<[UInt8]> = []
        var patterns: [(prefix: [UInt8], suffix: [UInt8])] = []
        var expressions: [RegularExpression] = []
        for rule in rules {
            switch rule {
            case .any: all = true
            case .exact(let origin): exact.insert(Array(origin.utf8))
            case .pattern(let prefix, let suffix): patterns.append((Array(prefix.utf8), Array(suffix.utf8)))
            case .regex(let text): if let expression = try? RegularExpression(text) { expressions.append(expression) }
            }
        }
        self.all = all
        self.exact = exact
        self.patterns = patterns
        self.expressions = expressions
    }

    /// Whether every origin is allowed, `null` too.
    var allowsAll: Bool { all }

    func allows(_ origin: UnsafeRawBufferPointer) -> Bool {
        if all { return true }
        // Nobody's origin has more bytes, and what has is not looked at closely.
        guard origin.count <= 512 else { return false }
        if exact.contains(Array(origin)) { return true }
        for (prefix, suffix) in patterns where matches(origin, prefix, suffix) { return true }
        for expression in expressions where expression.matches(origin) { return true }
        return false
    }

    /// The star stands for one or more labels.
    private func matches(_ origin: UnsafeRawBufferPointer, _ prefix: [UInt8], _ suffix: [UInt8]) -> Bool {
        guard origin.count > prefix.count + suffix.count, origin.starts(with: prefix),
            origin.suffix(suffix.count).elementsEqual(suffix)
        else { return false }
        let middle = origin[prefix.count..<(origin.count - suffix.count)]
        guard middle.first != UInt8(ascii: "."), middle.last != UInt8(ascii: ".") else { return false }
        return middle.allSatisfy { ASCII.isDigit($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E }
    }
}

/// An origin, or several, as the configuration names them.
enum OriginRule: Hashable, Sendable {
    case any
    case exact(String)
    /// `https://*.example.com`
    case pattern(prefix: String, suffix: String)
    case regex(String)

    var text: String {
        switch self {
        case .any: "*"
        case .exact(let origin): origin
        case .pattern(let prefix, let suffix): "\(prefix)*\(suffix)"
        case .regex(let text): "~\(text)"
        }
    }

    init?(_ text: String) {
        if text == "*" {
            self = .any
        } else if text.hasPrefix("~") {
            self = .regex(String(text.dropFirst()))
        } else if text == "null" {
            self = .exact(text)
        } else if let star = text.firstIndex(of: "*") {
            let (prefix, suffix) = (text[..<star].lowercased(), text[text.index(after: star)...].lowercased())
            guard prefix.hasSuffix("://"), suffix.hasPrefix("."), Self.normalized("\(prefix)x\(suffix)") != nil else {
                return nil
            }
            self = .pattern(prefix: prefix, suffix: suffix)
        } else {
            guard let origin = Self.normalized(text) else { return nil }
            self = .exact(origin)
        }
    }

    /// `scheme://host` or `scheme://host:port`, without the default port; nil for anything else.
    private static func normalized(_ text: String) -> String? {
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound].lowercased()
        var host = text[separator.upperBound...].lowercased()
        let isScheme = scheme.utf8.allSatisfy { (0x61...0x7A).contains($0) || ASCII.isDigit($0) || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E }
        guard !scheme.isEmpty, isScheme, !host.isEmpty, host.utf8.allSatisfy(ASCII.isHost),
            !host.contains(where: { "/?#@".contains($0) })
        else { return nil }
        let usual = ["http": ":80", "https": ":443", "ws": ":80", "wss": ":443"]
        if let port = usual[scheme], host.hasSuffix(port), !host.hasSuffix("]" + port) || host.hasPrefix("[") {
            host.removeLast(port.count)
        }
        return "\(scheme)://\(host)"
    }
}
