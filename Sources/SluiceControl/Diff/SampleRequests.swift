import SluiceConfig
import SluiceCore

/// Requests that show what a route does and does not take: one that meets it, and its neighbours.
///
/// At most some 40 for a route, whatever it says.
struct SampleRequests {
    /// A host that no configuration names.
    static let otherHost = "other.invalid"
    private static let hostLimit = 8
    private static let methodLimit = 6

    /// nil for a route of which no example could be made.
    private let base: SampleRequest?
    private let match: MatchModel

    /// - Parameters:
    ///   - match: the conditions of the route.
    ///   - listener: which of the listeners the requests come in at; see `SampleRequest.listener`.
    ///   - address: its address, whose name requests without a host of their own have.
    init(_ match: MatchModel, listener: Int, at address: ListenAddress) {
        self.match = match
        base = Self.base(match, listener, address.ownHost)
    }

    var isEmpty: Bool { base == nil }

    /// The one that meets the route comes first.
    var all: [SampleRequest] {
        guard let base else { return [] }
        return [base] + hosts(base) + paths(base) + methods(base) + fields(base) + sources(base)
    }

    // MARK: The one that fits

    private static func base(_ match: MatchModel, _ listener: Int, _ ownHost: String) -> SampleRequest? {
        guard let path = path(match.path) else { return nil }
        var request = SampleRequest(listener: listener, host: match.hosts.first.map(host) ?? ownHost, path: path)
        request.method = match.methods.first ?? "GET"
        request.source = match.source.first?.base
        for header in match.headers {
            guard header.value != .present(false) else { continue }
            guard let text = value(header.value) else { return nil }
            request.headers.append(.init(name: header.name, value: text))
        }
        for parameter in match.query {
            guard parameter.value != .present(false) else { continue }
            guard let text = value(parameter.value) else { return nil }
            request.query.append(encoded(parameter.name) + "=" + encoded(text))
        }
        return request
    }

    private static func host(_ pattern: String) -> String {
        pattern == "*" ? otherHost : pattern.hasPrefix("*.") ? "a" + pattern.dropFirst(1) : pattern
    }

    private static func path(_ match: PathMatch) -> String? {
        switch match {
        case .any: "/"
        case .exact(let path): literal(path)
        case .prefix(let path): literal(path)
        case .template(let path):
            (try? PathTemplate(path)).map { template in
                template.segments.map { segment in
                    switch segment {
                    case .literal(let bytes): "/" + String(decoding: bytes, as: UTF8.self)
                    case .variable: "/1"
                    case .rest: "/a/b"
                    }
                }.joined()
            }
        case .regex(let pattern): RegexSample.text(for: pattern).flatMap { $0.hasPrefix("/") ? literal($0) : nil }
        }
    }

    private static func literal(_ text: String) -> String { String(decoding: PathLiteral.bytes(text), as: UTF8.self) }

    /// A value that fits; nil where none can be made.
    private static func value(_ match: ValueMatch) -> String? {
        switch match {
        case .exact(let text), .contains(let text), .prefix(let text), .suffix(let text): text
        case .regex(let pattern): RegexSample.text(for: pattern)
        case .present: "1"
        }
    }

    /// For a query: everything but letters, digits and a few marks as `%XX`.
    private static func encoded(_ text: String) -> String {
        let plain = Set("-_.~".utf8)
        return text.utf8.map { byte -> String in
            let isPlain =
                ASCII.isDigit(byte) || (0x61...0x7A).contains(byte | 0x20) && byte < 0x80 || plain.contains(byte)
            if isPlain { return String(decoding: [byte], as: UTF8.self) }
            let hex = String(byte, radix: 16, uppercase: true)
            return "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
    }

    // MARK: Neighbours

    private func hosts(_ base: SampleRequest) -> [SampleRequest] {
        guard !match.hosts.isEmpty else { return [] }
        var names = match.hosts.dropFirst().prefix(Self.hostLimit).map(Self.host)
        // A wildcard stands for one or more labels, and not for none.
        for pattern in match.hosts.prefix(Self.hostLimit) where pattern.hasPrefix("*.") {
            names += ["a.b" + pattern.dropFirst(1), String(pattern.dropFirst(2))]
        }
        names.append(Self.otherHost)
        return names.map { base.with(\.host, $0) }
    }

    private func paths(_ base: SampleRequest) -> [SampleRequest] {
        let path = base.path
        let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
        let parent = String(trimmed[..<(trimmed.lastIndex(of: "/") ?? trimmed.startIndex)])
        var others: [String]
        switch match.path {
        case .any: others = ["/x"]
        case .exact, .prefix, .regex, .template:
            others = [trimmed, trimmed + "/", trimmed + "/x", trimmed + "x", parent]
        }
        others = others.map { $0.isEmpty ? "/" : $0 }.filter { $0 != path }
        return others.map { base.with(\.path, $0) }
    }

    private func methods(_ base: SampleRequest) -> [SampleRequest] {
        var names = Array(match.methods.dropFirst().prefix(Self.methodLimit))
        let common = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
        names += common.filter { !match.methods.contains($0) && $0 != base.method }.prefix(2)
        return names.map { base.with(\.method, $0) }
    }

    /// Without each condition on a header or parameter, with another value of each, and without any.
    private func fields(_ base: SampleRequest) -> [SampleRequest] {
        var all: [SampleRequest] = []
        for index in base.headers.indices.prefix(4) {
            var (without, other) = (base, base)
            without.headers.remove(at: index)
            other.headers[index].value = "x" + other.headers[index].value
            all += [without, other]
        }
        for index in base.query.indices.prefix(4) {
            var (without, other) = (base, base)
            without.query.remove(at: index)
            other.query[index] += "x"
            all += [without, other]
        }
        for field in match.headers.prefix(4) where field.value == .present(false) {
            var present = base
            present.headers.append(.init(name: field.name, value: "1"))
            all.append(present)
        }
        if base.headers.count + base.query.count > 1 {
            var bare = base
            bare.headers = []
            bare.query = []
            all.append(bare)
        }
        return all
    }

    private func sources(_ base: SampleRequest) -> [SampleRequest] {
        guard !match.source.isEmpty else { return [] }
        var others = match.source.dropFirst().prefix(4).map { Optional($0.base) }
        others.append(IPAddress("192.0.2.1"))
        return others.map { base.with(\.source, $0) }
    }
}
