import NIOCore
import SluiceConfig
import SluiceCore
import SluiceHTTP
import SluiceProxy

/// A request as one listener takes it in: what is done with it before routes are looked at.
///
/// The steps and their order are those of an exchange (`Exchange.begin`), with the same codec and the same path rules;
/// ExplainAgreementTests hold both against each other. Isolation: any. Makes strings; not for the path of requests.
struct Intake {
    private let listener: ListenerModel
    private(set) var head = RequestHead()
    /// Whom routes and filters take for the client.
    private(set) var client: IPAddress?
    /// The other end of the connection.
    let peer: IPAddress?
    private(set) var notes: [String] = []
    private(set) var refusal: Refusal?
    /// What `X-Forwarded-For` said, when it is believed.
    private(set) var forwardedFor: [String] = []

    init(_ bytes: [UInt8], at listener: ListenerModel, from peer: IPAddress?) {
        self.listener = listener
        self.peer = peer
        client = peer
        refusal = take(bytes)
    }

    /// In its normal form.
    var path: String { head.fields.string(head.path) }

    /// Whether it comes over TLS.
    var isSecure: Bool { listener.tls != nil }

    /// Where a listener sends it that wants `https`; see `HTTPSRedirect`.
    func location(underHTTPS redirect: HTTPSRedirectModel) -> String {
        let host = head.fields.string(head.host) + (redirect.port == 443 ? "" : ":\(redirect.port)")
        let path = head.isAsterisk ? "" : path
        return "https://\(host)\(path)" + (head.query.map { "?" + head.fields.string($0) } ?? "")
    }

    var peerIsTrusted: Bool { peer.map(trusts) ?? false }

    private func trusts(_ address: IPAddress) -> Bool { listener.trustedProxies.contains { $0.contains(address) } }

    // MARK: Steps

    private mutating func take(_ bytes: [UInt8]) -> Refusal? {
        if let error = parse(bytes) {
            var refusal = refusal(error)
            if error == .underscoreInName { refusal.detail = Self.underscoredName(in: bytes) }
            return refusal
        }
        dropUnderscores()
        if let refusal = normalizePath() { return refusal }
        if let error = methodProblem { return refusal(error) }
        findClient()
        removeConnectionFields()
        removeForwardedFields()
        if case .length(let count) = head.framing, let limit = listener.limits.bodyBytes, count > limit {
            return refusal(.bodyTooLarge)
        }
        return nil
    }

    private mutating func parse(_ bytes: [UInt8]) -> GatewayError? {
        var parser = RequestParser()
        switch parser.parse(ByteBuffer(bytes: bytes), into: &head, limits: RequestParser.Limits(listener)) {
        case .complete(let consumed): return consumed == bytes.count ? nil : .badRequestLine
        // Cannot be: the last two lines are ends of lines.
        case .incomplete: return .badRequestLine
        case .invalid(let error): return error
        }
    }

    private mutating func dropUnderscores() {
        guard listener.underscores == .drop else { return }
        for i in head.fields.entries.indices {
            let name = head.fields.string(head.fields.entries[i].nameRange)
            guard name.contains("_") else { continue }
            head.fields.removeEntry(at: i)
            notes.append("removed \(name): 'underscores_in_headers' of the listener is 'drop'")
        }
    }

    private mutating func normalizePath() -> Refusal? {
        guard !head.isAsterisk, head.method != .connect else { return nil }
        if head.path.isEmpty { head.path = head.fields.store([UInt8(ascii: "/")]) }
        switch PathNormalizer.normalize(head.path, of: &head.fields.bytes, rules: PathRules(listener.path)) {
        case .unchanged: return nil
        case .rewritten(let range):
            notes.append("the path '\(head.fields.string(head.path))' is brought into its normal form")
            head.path = range
            return nil
        case .refused(let reason):
            var refusal = refusal(reason == .encodedSlash ? .encodedSlash : .badTarget)
            refusal.detail = reason.text
            return refusal
        }
    }

    private var methodProblem: GatewayError? {
        switch head.method {
        case .connect where !listener.allowConnect: .methodNotEnabled
        case .trace where !listener.allowTrace: .methodNotEnabled
        case .connect where head.framing != .none: .badRequestLine
        case .trace where head.framing != .none: .badRequestLine
        default: nil
        }
    }

    // MARK: Who the client is

    private mutating func findClient() {
        guard peerIsTrusted else { return }
        let noted = ForwardedList(head.fields).addresses
        for entry in noted.reversed() {
            guard let address = entry else { break }
            client = address
            if !trusts(address) { break }
        }
        guard let client, let peer, client != peer else { return }
        notes.append("the client is \(client.description): \(peer.description) is trusted and says so")
    }

    private mutating func removeConnectionFields() {
        if head.nominatesFields {
            let before = liveNames
            HopByHop.removeNominated(from: &head.fields)
            let gone = before.subtracting(liveNames).subtracting(["connection"]).sorted()
            if !gone.isEmpty {
                notes.append("removed \(Wording.list(gone)): 'connection' names it, so it is of this connection only")
            }
        } else {
            head.fields.remove(.connection)
        }
        for name in [FieldName.keepAlive, .proxyConnection, .proxyAuthorization, .http2Settings] {
            head.fields.remove(name)
        }
    }

    private mutating func removeForwardedFields() {
        let trusted = peerIsTrusted
        if trusted {
            forwardedFor = head.fields.entries.filter { !$0.isRemoved && $0.name == .xForwardedFor }
                .map { head.fields.string($0.valueRange) }.filter { !$0.isEmpty }
        }
        var disbelieved: [String] = []
        for (name, text) in Self.forwarded where head.fields.has(name) {
            if !trusted { disbelieved.append(text) }
            // Even a trusted one is taken out: it is written anew, with the peer behind it.
            if !trusted || name == .xForwardedFor { head.fields.remove(name) }
        }
        if !disbelieved.isEmpty {
            notes.append("removed \(Wording.list(disbelieved)): the client is none of the listener's 'trusted_proxies'")
        }
        removeForwardedCertificate()
    }

    /// Whether the client's certificate was verified, on which the other modes depend, nobody knows here.
    private mutating func removeForwardedCertificate() {
        guard head.fields.has(.xForwardedClientCert) else { return }
        let why: String
        switch listener.tls?.forwardedCertificate.mode {
        case nil: why = "the listener speaks cleartext"
        case .sanitize: why = "'forward_client_certificate' of the listener is 'sanitize'"
        case .set: why = "'forward_client_certificate' of the listener is 'set'"
        case .append, .forward: return
        }
        head.fields.remove(.xForwardedClientCert)
        notes.append("removed x-forwarded-client-cert: \(why)")
    }

    private static let forwarded: [(FieldName, String)] = [
        (.xForwardedFor, "x-forwarded-for"), (.xForwardedProto, "x-forwarded-proto"),
        (.xForwardedHost, "x-forwarded-host"), (.forwarded, "forwarded"), (.xRealIP, "x-real-ip"),
    ]

    private var liveNames: Set<String> {
        Set(head.fields.entries.filter { !$0.isRemoved }.map { head.fields.string($0.nameRange).lowercased() })
    }

    // MARK: Refusals

    private func refusal(_ error: GatewayError) -> Refusal {
        Refusal(
            code: error.code,
            status: Int(error.status),
            message: error.message,
            detail: detail(error),
            setting: setting(error)
        )
    }

    /// The part of this request that an error is about.
    private func detail(_ error: GatewayError) -> String? {
        switch error {
        case .methodNotEnabled: "\(head.fields.string(head.methodRange)) is not enabled at this listener"
        case .badRequestLine, .badVersion:
            "a request line is a method, a target and a version: a space in the URL ends it"
        case .missingHost: "HTTP/1.1 asks for a Host header"
        case .badTarget: "a target is a path that begins with '/', a URL, or '*' with OPTIONS"
        default: nil
        }
    }

    /// The first line of a head whose name holds an underscore.
    private static func underscoredName(in bytes: [UInt8]) -> String? {
        for line in bytes.split(separator: 0x0A).dropFirst() {
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            guard name.contains(UInt8(ascii: "_")) else { continue }
            let text = Printable.short(String(decoding: name, as: UTF8.self))
            return "servers that read '_' as '-' would take '\(text)' for another header"
        }
        return nil
    }

    /// The listener's setting that decides it, with its value.
    private func setting(_ error: GatewayError) -> String? {
        let limits = listener.limits
        return switch error {
        case .underscoreInName: "underscores_in_headers: \(listener.underscores.rawValue)"
        case .encodedSlash: "path.encoded_slash: \(listener.path.encodedSlash.rawValue)"
        case .methodNotEnabled: head.method == .connect ? "allow_connect: false" : "allow_trace: false"
        case .headTooLarge: "limits.head: \(Units.showSize(limits.headBytes))"
        case .tooManyFields: "limits.header_count: \(limits.headerCount)"
        case .uriTooLong: "limits.uri: \(Units.showSize(limits.uriBytes))"
        case .bodyTooLarge: limits.bodyBytes.map { "limits.body: \(Units.showSize(Int(clamping: $0)))" }
        default: nil
        }
    }
}

extension RequestParser.Limits {
    /// Those that a listener sets.
    fileprivate init(_ listener: ListenerModel) {
        self.init()
        headBytes = listener.limits.headBytes
        fields = listener.limits.headerCount
        uriBytes = listener.limits.uriBytes
        refuseUnderscores = listener.underscores == .refuse
    }
}

extension PathRefusal {
    /// A clause for people.
    fileprivate var text: String {
        switch self {
        case .notAbsolute: "the path does not begin with '/'"
        case .badByte: "the path holds a byte that no path may hold"
        case .badEscape: "a '%' in the path is not followed by two hexadecimal digits"
        case .nul: "the path holds '%00'"
        case .encodedSlash: "the path holds '%2F' or '%5C': one server would split it there and another would not"
        case .backslash: "the path holds '\\', which some servers read as '/'"
        case .aboveRoot: "the path has more '..' than segments"
        case .dotSegmentParameter: "the path holds '..;', which some servers resolve"
        }
    }
}
