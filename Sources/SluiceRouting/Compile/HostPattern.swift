internal import SluiceCore

/// A host or server name of a condition, in lower case.
enum HostPattern {
    struct Name {
        let bytes: [UInt8]
    }

    /// `*`
    case any
    case exact(Name)
    /// `*.example.com`, kept as `example.com`.
    case domain(Name)

    /// Parses a pattern; what is wrong with it otherwise.
    static func parse(_ text: String) -> Result<HostPattern, Problem> {
        if text == "*" { return .success(.any) }
        let isDomain = text.hasPrefix("*.")
        let name = text.utf8.dropFirst(isDomain ? 2 : 0).map(ASCII.lowercased)
        if name.isEmpty || (isDomain && name.first == UInt8(ascii: ".")) {
            return .failure(Problem(message: "'\(text)' is no host name", help: nil))
        }
        if name.contains(UInt8(ascii: "*")) {
            let help = "'*' stands for all labels in front of a domain: '*.example.com'"
            return .failure(Problem(message: "'\(text)' is no host pattern", help: help))
        }
        // An IPv6 address keeps its brackets: a colon behind them, or in anything else, begins a port.
        let isAddress = name.first == UInt8(ascii: "[") && name.last == UInt8(ascii: "]")
        if !isAddress, name.contains(UInt8(ascii: ":")) {
            return .failure(Problem(message: "a host has no port here", help: "match a port with 'listeners'"))
        }
        guard name.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            let help = "write an international name in its 'xn--' form"
            return .failure(Problem(message: "'\(text)' is no host name", help: help))
        }
        return .success(isDomain ? .domain(Name(bytes: name)) : .exact(Name(bytes: name)))
    }

    struct Problem: Error {
        let message: String
        let help: String?
    }
}
