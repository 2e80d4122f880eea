internal import SluiceCore

/// Hosts as a configuration writes them.
enum HostSyntax {
    /// An exact host or one with `*.` in front; answers it in lower case without a final dot.
    static func pattern(_ text: String) -> Result<String, ValueProblem> {
        if text.hasPrefix("[") || text.contains(":") { return address(text) }
        let isWildcard = text.hasPrefix("*.")
        var name = text.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        let rest = isWildcard ? String(name.dropFirst(2)) : name
        if rest.contains("*") {
            return .failure(problem(help: "a '*' stands for whole labels in front only: *.example.com"))
        }
        guard isName(rest) else { return .failure(problem(help: hint(text))) }
        return .success(name)
    }

    /// A host to send upstream: a name or address, perhaps with a port.
    static func nameAndPort(_ text: String) -> Result<String, ValueProblem> {
        var host = Substring(text)
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            let port = text[text.index(after: colon)...]
            guard port.utf8.allSatisfy(ASCII.isDigit), let number = Int(port), (1...65535).contains(number) else {
                return .failure(ValueProblem(.hostPattern, "is not a host with a port: {}"))
            }
            host = text[..<colon]
        }
        let isAddress = host.hasPrefix("[") && host.hasSuffix("]") && IPAddress(String(host)) != nil
        guard isAddress || isName(host.lowercased()) else {
            return .failure(ValueProblem(.hostPattern, "is not a host name: {}", help: hint(text)))
        }
        return .success(text)
    }

    /// Labels of letters, digits, `-` and `_`, at most 63 bytes each and 253 together (RFC 1035, section 2.3.4).
    static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253 else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.count <= 63 && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { isLabelByte($0) }
        }
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        let lower = ASCII.lowercased(byte)
        return ASCII.isDigit(byte) || (lower >= 0x61 && lower <= 0x7A) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "_")
    }

    private static func address(_ text: String) -> Result<String, ValueProblem> {
        if text.hasPrefix("["), text.hasSuffix("]"), let address = IPAddress(text), !address.isV4 {
            return .success("[\(address.description)]")
        }
        return .failure(problem(help: hint(text)))
    }

    private static func problem(help: String?) -> ValueProblem {
        ValueProblem(.hostPattern, "is not a host pattern: {}", help: help)
    }

    private static func hint(_ text: String) -> String? {
        if text.contains("://") { return "leave the scheme away" }
        if text.contains("/") { return "a path goes into 'path' or 'prefix'" }
        if text.contains(":") { return "hosts are matched without their port" }
        if !text.utf8.allSatisfy({ $0 < 0x80 }) { return "write international names in their 'xn--' form" }
        return nil
    }
}
