import SluiceConfig
package import SluiceCore

/// A request as somebody describes it on a command line, to be explained and not to be sent.
package struct ExplainRequest: Sendable {
    package var method: String
    package var url: String
    /// In order; names in any case.
    package var headers: [(name: String, value: String)]
    /// The name of the listener; nil: the first that speaks the URL's scheme.
    package var listener: String?
    /// The other end of the connection; nil: an address on loopback.
    package var client: IPAddress?

    package init(
        _ method: String,
        _ url: String,
        headers: [(name: String, value: String)] = [],
        listener: String? = nil,
        client: IPAddress? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.listener = listener
        self.client = client
    }

    /// Whether the URL's scheme is one with TLS; without a scheme it is none.
    var isSecure: Bool {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        return url.contains("://") && (scheme == "https" || scheme == "wss")
    }

    /// Reads what `-H` takes: `name: value`.
    ///
    /// - Throws: when there is no name.
    package static func header(_ text: String) throws(ExplainProblem) -> (name: String, value: String) {
        guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else {
            throw ExplainProblem("'\(text)' is no header: write 'name: value'")
        }
        let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        return (name: String(text[..<colon]), value: String(value))
    }

    /// Reads what `--client` takes: an address.
    package static func client(_ text: String) throws(ExplainProblem) -> IPAddress {
        guard let address = IPAddress(text) else { throw ExplainProblem("'\(text)' is no address of a client") }
        return address
    }
}

/// Why a description of a request is none, for whoever wrote it. Not about the configuration.
package struct ExplainProblem: Error, Equatable, Sendable {
    package let message: String

    init(_ message: String) { self.message = message }
}

/// The bytes of a request head, as a client would send them to a gateway.
struct RequestText {
    let bytes: [UInt8]
    let isSecure: Bool
    /// What a client asks for in the TLS handshake: the host of the URL, in lower case, unless that is an address.
    let serverName: [UInt8]?
    /// What the description was taken for where it left something open.
    private(set) var notes: [String] = []

    /// - Parameter ownHost: what a URL without a host stands for.
    init(_ request: ExplainRequest, ownHost: String) throws(ExplainProblem) {
        try Self.checkLines(request)
        var url = try URLParts(request.url, method: request.method, ownHost: ownHost)
        notes = url.notes
        serverName = Self.serverName(url.authority)
        if let host = request.headers.first(where: { $0.name.lowercased() == "host" })?.value, host != url.authority {
            notes.append("the Host header is the one given, '\(Printable.short(host))'")
            url.authority = host
        }
        isSecure = url.isSecure
        var lines = ["\(request.method) \(url.target) HTTP/1.1"]
        let hosts = request.headers.filter { $0.name.lowercased() == "host" }
        lines += (hosts.isEmpty ? [("Host", url.authority)] : hosts).map { "\($0.0): \($0.1)" }
        lines += request.headers.filter { $0.name.lowercased() != "host" }.map { "\($0.name): \($0.value)" }
        bytes = lines.flatMap { Array($0.utf8) + [0x0D, 0x0A] } + [0x0D, 0x0A]
    }

    private static func serverName(_ authority: String) -> [UInt8]? {
        let host = authority.prefix { $0 != ":" }.lowercased()
        guard !authority.hasPrefix("["), !host.isEmpty, IPAddress(host) == nil else { return nil }
        return Array(host.utf8)
    }

    /// A line end would begin another header than the one described.
    private static func checkLines(_ request: ExplainRequest) throws(ExplainProblem) {
        func isClean(_ text: String) -> Bool { !text.utf8.contains { $0 == 0x0D || $0 == 0x0A } }
        guard isClean(request.url) else { throw ExplainProblem("a URL holds no line end") }
        guard isClean(request.method), !request.method.isEmpty, !request.method.contains(" ") else {
            throw ExplainProblem("'\(Printable.short(request.method))' is no method")
        }
        for header in request.headers where !isClean(header.name) || !isClean(header.value) {
            throw ExplainProblem("a header holds no line end: '\(Printable.short(header.name))'")
        }
    }
}

/// The parts of a URL that a request is made of.
private struct URLParts {
    var authority: String
    private(set) var target: String
    private(set) var isSecure = false
    private(set) var notes: [String] = []

    init(_ text: String, method: String, ownHost: String) throws(ExplainProblem) {
        var rest = Substring(text)
        authority = ownHost
        if let scheme = rest.firstRange(of: "://") {
            isSecure = try Self.isSecure(rest[..<scheme.lowerBound])
            rest = rest[scheme.upperBound...]
        } else if rest == "*" || rest.hasPrefix("/") {
            target = String(rest)
            rest = ""
            try finish(target[...], method)
            return
        } else {
            notes.append("without a scheme, http is meant")
        }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        authority = String(rest[..<end])
        target = ""
        guard !authority.isEmpty else { throw ExplainProblem("'\(Printable.short(text))' has no host") }
        guard !authority.contains("@") else {
            throw ExplainProblem("a URL with a user name is not sent as it is: write -H 'authorization: ...'")
        }
        try finish(rest[end...], method)
    }

    private static func isSecure(_ scheme: Substring) throws(ExplainProblem) -> Bool {
        switch scheme.lowercased() {
        case "http", "ws": return false
        case "https", "wss": return true
        default: throw ExplainProblem("the scheme '\(Printable.short(String(scheme)))' is not one of http and https")
        }
    }

    /// Makes the request target of what stands behind the authority.
    private mutating func finish(_ rest: Substring, _ method: String) throws(ExplainProblem) {
        if method == "CONNECT" {
            let hasPort = authority.last?.isNumber == true && authority.contains(":") && !authority.hasSuffix("]")
            target = hasPort ? authority : authority + (isSecure ? ":443" : ":80")
            authority = target
            return
        }
        var path = rest
        if let mark = path.firstIndex(of: "#") {
            notes.append("clients do not send the fragment, from '#' on")
            path = path[..<mark]
        }
        target = path.hasPrefix("/") || path == "*" ? String(path) : "/" + path
    }
}
