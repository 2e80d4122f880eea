package import NIOCore
package import SluiceCore

/// What filters have done away from the loops of requests: fetching keys, sending spans.
///
/// Isolation: any thread.
package protocol BackgroundServices: AnyObject, Sendable {
    /// A loop of its own.
    var loop: any EventLoop { get }
    /// Makes one HTTP request. `completion` is called exactly once, on `loop`.
    func fetch(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    )
    /// Takes one line for operators, without a line end.
    func log(_ line: String)
    /// What is counted on `loop`, and only there.
    var metrics: MetricShard { get }
}

/// One request of the gateway's own. Redirects are not followed.
package struct FetchRequest: Sendable {
    package var method = "GET"
    package var url: FetchURL
    /// Further fields; host, length and framing are written by whoever sends it.
    package var fields: [(name: String, value: String)] = []
    package var body: [UInt8] = []
    /// For everything, from the look-up of the name to the last byte.
    package var timeout = TimeAmount.seconds(5)
    /// Bytes of the answer's body; a longer one is a failure.
    package var answerLimit = 1 << 20

    package init(_ url: FetchURL) { self.url = url }
}

/// What came back.
package struct FetchAnswer: Sendable {
    package var status: Int
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The first field of that name, in any case of letters.
    package func field(_ name: String) -> String? {
        fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why there was no answer, in words for operators.
package struct FetchError: Error, Equatable, Sendable {
    package let message: String

    package init(_ message: String) { self.message = message }
}

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

/// For gateways without background work, as in tests: every request fails.
package final class NoBackground: BackgroundServices {
    package let loop: any EventLoop
    package let metrics = MetricShard()

    package init(loop: any EventLoop) { self.loop = loop }

    package func fetch(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    ) {
        loop.execute { completion(.failure(FetchError("nothing is fetched here"))) }
    }

    package func log(_ line: String) {}
}
