internal import SluiceCore

/// `host:port`, `[address]:port` and `unix:/path`, for both sides.
enum AddressSyntax {
    /// Splits at the last colon; nil where there is no port or it is none.
    static func split(_ text: String, ports: ClosedRange<Int>) -> (host: String, port: Int)? {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let port = text[text.utf8.index(after: colon)...]
        guard port.utf8.count <= 5, port.utf8.allSatisfy(ASCII.isDigit), let number = Int(port), ports.contains(number)
        else { return nil }
        let host = String(text[..<colon])
        // An IPv6 address without brackets: nobody can tell the port from the last group.
        if host.utf8.contains(UInt8(ascii: ":")), !host.hasPrefix("[") { return nil }
        return (host, number)
    }

    /// The path behind `unix:`; nil for anything else, a problem for a path that cannot be one.
    static func unix(_ text: String) -> Result<String, ValueProblem>? {
        guard text.hasPrefix("unix:") else { return nil }
        let path = String(text.dropFirst(5))
        guard path.hasPrefix("/") else {
            return .failure(problem("unix sockets are given by their whole path: unix:/run/app.sock"))
        }
        // sockaddr_un holds 108 bytes, the NUL included.
        guard path.utf8.count < 108, !path.utf8.contains(0) else {
            return .failure(problem("the path of a unix socket has at most 107 bytes"))
        }
        return .success(path)
    }

    static func problem(_ help: String) -> ValueProblem { ValueProblem(.address, "is not an address: {}", help: help) }

    // MARK: Listeners

    static func listen(_ text: String) -> Result<ListenAddress, ValueProblem> {
        if let path = unix(text) { return path.map { .unix(path: $0) } }
        guard let (host, port) = split(text, ports: 0...65535) else {
            return .failure(
                problem("listeners have an address and a port: 0.0.0.0:8080, [::]:8080, :8080 or unix:/path")
            )
        }
        if host.isEmpty { return .success(.ip(host: "0.0.0.0", port: port)) }
        guard let address = IPAddress(host), host.hasPrefix("[") == !address.isV4 else {
            let help =
                switch host {
                case "localhost": "write 127.0.0.1 instead of localhost"
                case "*": "write :\(port) for all IPv4 addresses, [::]:\(port) for all of IPv6 as well"
                default: "a listener needs a literal address, a name could stand for several"
                }
            return .failure(problem(help))
        }
        return .success(.ip(host: address.description, port: port))
    }

    // MARK: Endpoints

    static func endpoint(_ text: String) -> Result<WrittenAddress, ValueProblem> {
        if let path = unix(text) { return path.map { WrittenAddress(.unix(path: $0)) } }
        if let secure = web(text) { return secure }
        if text.contains("://") { return .failure(problem("an endpoint is host:port, or https://host:port")) }
        guard let (host, port) = split(text, ports: 1...65535) else {
            return .failure(
                problem("endpoints have a port: 127.0.0.1:9001, [::1]:9001, app.internal:9001 or unix:/path")
            )
        }
        return server(host, port: port).map { WrittenAddress($0) }
    }

    static func url(_ text: String) -> Result<WrittenAddress, ValueProblem> {
        if text.hasPrefix("srv://") { return service(String(text.dropFirst(6))).map { WrittenAddress($0) } }
        return web(text) ?? .failure(problem("write http://host:port, https://host:port or srv://_http._tcp.name"))
    }

    /// `http://` and `https://`; nil for anything else.
    private static func web(_ text: String) -> Result<WrittenAddress, ValueProblem>? {
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { return nil }
        var rest = String(text.dropFirst(isSecure ? 8 : 7))
        if rest.hasSuffix("/") { rest.removeLast() }
        guard !rest.contains(where: { "/?#@".contains($0) }) else {
            return .failure(problem("only a host and a port can stand here; a path goes into the route's 'rewrite'"))
        }
        let (host, port) = split(rest, ports: 1...65535) ?? (rest, isSecure ? 443 : 80)
        return server(host, port: port).map { WrittenAddress($0, scheme: isSecure ? .https : .http) }
    }

    private static func service(_ name: String) -> Result<EndpointAddress, ValueProblem> {
        guard HostSyntax.isName(name), name.hasPrefix("_"), name.contains("._tcp.") else {
            return .failure(problem("a service name looks like srv://_http._tcp.orders.internal"))
        }
        return .success(.service(name))
    }

    private static func server(_ host: String, port: Int) -> Result<EndpointAddress, ValueProblem> {
        if let address = IPAddress(host), host.hasPrefix("[") == !address.isV4 {
            return .success(.ip(address, port: port))
        }
        // A dotted number that is no address is a slip, never a name.
        let looksLikeAddress = host.utf8.allSatisfy { ASCII.isDigit($0) || $0 == UInt8(ascii: ".") }
        guard HostSyntax.isName(host), !looksLikeAddress else {
            return .failure(problem("the host is neither an address nor a name"))
        }
        return .success(.name(host.lowercased(), port: port))
    }
}

extension ValueType where Value == ListenAddress {
    static var listenAddress: Self {
        scalar(.text("address")) { AddressSyntax.listen($0) }
    }
}

/// An address with what it says about TLS.
struct WrittenAddress: Sendable {
    var address: EndpointAddress
    var scheme: ServerDraft.Scheme?

    init(_ address: EndpointAddress, scheme: ServerDraft.Scheme? = nil) {
        self.address = address
        self.scheme = scheme
    }
}

extension ValueType where Value == WrittenAddress {
    static var endpointAddress: Self {
        scalar(.text("address")) { AddressSyntax.endpoint($0) }
    }

    static var upstreamURL: Self {
        scalar(.text("URL")) { AddressSyntax.url($0) }
    }
}
