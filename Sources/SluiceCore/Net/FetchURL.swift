/// An `http` or `https` URL of the configuration: without user, password or fragment (RFC 3986, RFC 9110 section 4.2).
package struct FetchURL: Hashable, Sendable {
    package let isSecure: Bool
    /// Lower case; a literal IPv6 address stands without brackets.
    package let host: String
    package let port: Int
    /// Path and query; begins with `/`.
    package let target: String

    /// - Returns: nil for what is no such URL.
    package init?(_ text: String) {
        let rest: Substring
        if text.lowercased().hasPrefix("https://") {
            isSecure = true
            rest = text.dropFirst(8)
        } else if text.lowercased().hasPrefix("http://") {
            isSecure = false
            rest = text.dropFirst(7)
        } else {
            return nil
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard let (host, port) = Self.split(authority) else { return nil }
        self.host = host
        self.port = port ?? (isSecure ? 443 : 80)
        let target = rest.dropFirst(authority.count)
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
        guard self.target.utf8.allSatisfy(ASCII.isTarget) else { return nil }
    }

    private static func split(_ authority: Substring) -> (String, Int?)? {
        var host = authority
        var port: Int?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            guard host.contains(":"), IPAddress(String(host)) != nil else { return nil }
            let rest = authority[authority.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = portNumber(rest.dropFirst()) else { return nil }
                port = number
            }
            return (String(host).lowercased(), port)
        }
        if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            guard let number = portNumber(authority[authority.index(after: colon)...]) else { return nil }
            port = number
        }
        let isName = host.utf8.allSatisfy { ASCII.isToken($0) && $0 != 0x25 }
        guard !host.isEmpty, host.utf8.count <= 253, isName else { return nil }
        return (host.lowercased(), port)
    }

    private static func portNumber(_ text: Substring) -> Int? {
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let number = Int(text), (1...65535).contains(number) else { return nil }
        return number
    }

    /// `host` or `host:port` as a Host field has it.
    package var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return port == (isSecure ? 443 : 80) ? host : "\(host):\(port)"
    }

    package var text: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

    /// Whether it stays on this machine.
    package var isLoopback: Bool {
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        return IPAddress(host)?.isLoopback ?? false
    }
}
