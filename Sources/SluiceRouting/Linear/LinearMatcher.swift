package import SluiceConfig
package import SluiceCore

/// Matches by reading the model from top to bottom: the meaning that `RouteTable` must keep, and the reasons for
/// `explain`.
///
/// It shares no matching code with the compiled table, so that a property test can hold one against the other.
/// Isolation: any. Never on the path of a request: it makes strings and takes time in the number of routes.
package struct LinearMatcher {
    /// What a request came to.
    package enum Outcome: Equatable, Sendable {
        case route(Int)
        /// With HEAD where GET is.
        case methodNotAllowed(Set<String>)
        case none
    }

    let routes: [RouteModel]
    private let listeners: [String]
    private let regexes: [String: RegularExpression]

    /// - Parameters:
    ///   - routes: as given to `RouteTable.compile`; a condition that does not compile never holds.
    ///   - listeners: as given there.
    package init(_ routes: [RouteModel], listeners: [String] = []) {
        self.routes = routes
        self.listeners = listeners
        var regexes: [String: RegularExpression] = [:]
        for pattern in routes.flatMap(\.match.patterns) where regexes[pattern] == nil {
            regexes[pattern] = try? RegularExpression(pattern)
        }
        self.regexes = regexes
    }

    package func match(_ head: RequestHead, _ context: RouteContext) -> Outcome {
        let request = RequestFacts(head, context)
        var allowed: Set<String> = []
        for (index, route) in routes.enumerated() {
            let failures = failures(of: route.match, request)
            if failures.isEmpty { return .route(index) }
            if failures.count == 1, case .method(let wanted, _) = failures[0] { allowed.formUnion(wanted) }
        }
        if allowed.contains("GET") { allowed.insert("HEAD") }
        return allowed.isEmpty ? .none : .methodNotAllowed(allowed)
    }

    /// The routes that come nearest to taking a request, the nearest first, the one that takes it left out.
    ///
    /// - Parameters:
    ///   - head: the request.
    ///   - context: the connection's side.
    ///   - limit: how many at most.
    /// - Returns: routes with what did not hold. Those that differ in host and path are not near.
    package func nearMisses(_ head: RequestHead, _ context: RouteContext, limit: Int = 5) -> [NearMiss] {
        let request = RequestFacts(head, context)
        var winner: Int?
        var found: [(weight: Int, miss: NearMiss)] = []
        for (index, route) in routes.enumerated() {
            var failures = failures(of: route.match, request)
            if failures.isEmpty {
                guard let winner else {
                    winner = index
                    continue
                }
                failures = [.earlierRoute(winner)]
            }
            let weight = failures.reduce(0) { $0 + $1.weight }
            if weight < 8 { found.append((weight, NearMiss(route: index, failures: failures))) }
        }
        found.sort { ($0.weight, $0.miss.route) < ($1.weight, $1.miss.route) }
        return found.prefix(max(0, limit)).map(\.miss)
    }

    // MARK: - Conditions

    func failures(of match: MatchModel, _ request: RequestFacts) -> [MatchFailure] {
        var failures: [MatchFailure] = []
        let listener = listeners.indices.contains(request.listener) ? listeners[request.listener] : nil
        if !match.listeners.isEmpty, listener.map({ !match.listeners.contains($0) }) ?? true {
            failures.append(.listener(wanted: match.listeners, got: listener))
        }
        if !match.sni.isEmpty, !match.sni.contains(where: { Self.name(request.sni ?? "", fits: $0) }) {
            failures.append(.sni(wanted: match.sni, got: request.sni))
        }
        if !match.source.isEmpty, !match.source.contains(where: { request.source.map($0.contains) ?? false }) {
            failures.append(.source(wanted: match.source, got: request.source))
        }
        if !match.hosts.isEmpty, !match.hosts.contains(where: { $0 == "*" || Self.name(request.host, fits: $0) }) {
            failures.append(.host(wanted: match.hosts, got: request.host))
        }
        if !pathFits(match.path, request.path) {
            let got = String(decoding: request.path, as: UTF8.self)
            failures.append(.path(wanted: match.path, got: got, hint: hint(match.path, request.path)))
        }
        let takesMethod = match.methods.isEmpty || match.methods.contains(request.method)
        if !takesMethod, !(request.method == "HEAD" && match.methods.contains("GET")) {
            failures.append(.method(wanted: match.methods, got: request.method))
        }
        for header in match.headers {
            let value = request.header(header.name)
            // Of the request that a preflight asks for, the content type is not known.
            if request.isPreflight, value == nil, header.name.lowercased() == "content-type" { continue }
            if !valueFits(header.value, value) { failures.append(.header(wanted: header, got: value.map(Self.text))) }
        }
        for parameter in match.query {
            let value = request.parameter(parameter.name)
            if !valueFits(parameter.value, value) {
                failures.append(.query(wanted: parameter, got: value.map(Self.text)))
            }
        }
        return failures
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func name(_ name: String, fits pattern: String) -> Bool {
        let pattern = pattern.lowercased()
        guard pattern.hasPrefix("*.") else { return name == pattern && !name.isEmpty }
        let domain = pattern.dropFirst(1)
        return name.hasSuffix(domain) && name.utf8.count > domain.utf8.count
    }

    private func valueFits(_ match: ValueMatch, _ value: [UInt8]?) -> Bool {
        if case .present(let wanted) = match { return (value != nil) == wanted }
        guard let value else { return false }
        switch match {
        case .exact(let text): return value == Array(text.utf8)
        case .prefix(let text): return value.starts(with: text.utf8)
        case .suffix(let text): return value.reversed().starts(with: text.utf8.reversed())
        case .contains(let text):
            let text = Array(text.utf8)
            return value.count >= text.count
                && (0...(value.count - text.count)).contains { value[$0...].starts(with: text) }
        case .regex(let pattern): return value.withUnsafeBytes { regexes[pattern]?.matches($0) ?? false }
        case .present: return false
        }
    }

    // MARK: - Paths

    private func pathFits(_ match: PathMatch, _ path: [UInt8]) -> Bool {
        switch match {
        case .any: return true
        case .exact(let text): return path == PathLiteral.bytes(text)
        case .prefix(let text):
            var prefix = PathLiteral.bytes(text)
            if prefix.last == UInt8(ascii: "/") { prefix.removeLast() }
            return path == prefix || prefix.isEmpty || path.starts(with: prefix + [UInt8(ascii: "/")])
        case .template: return captured(match, path) != nil
        case .regex(let pattern): return path.withUnsafeBytes { regexes[pattern]?.matches($0) ?? false }
        }
    }

    private func hint(_ match: PathMatch, _ path: [UInt8]) -> MatchFailure.PathHint? {
        let other = path.last == UInt8(ascii: "/") ? Array(path.dropLast()) : path + [UInt8(ascii: "/")]
        if pathFits(match, other) { return .trailingSlash }
        let lower = path.map(ASCII.lowercased)
        switch match {
        case .exact(let text): return pathFits(.exact(text.lowercased()), lower) ? .letterCase : nil
        case .prefix(let text): return pathFits(.prefix(text.lowercased()), lower) ? .letterCase : nil
        case .any, .template, .regex: return nil
        }
    }

    /// The captures of a path condition by name, in order; nil if the path does not fit.
    package func captures(of match: PathMatch, path: String) -> [(name: String, value: String)]? {
        captured(match, Array(path.utf8))
    }

    private func captured(_ match: PathMatch, _ path: [UInt8]) -> [(name: String, value: String)]? {
        switch match {
        case .any, .exact, .prefix: return pathFits(match, path) ? [] : nil
        case .template(let text): return (try? PathTemplate(text)).flatMap { Self.captured($0, path) }
        case .regex(let pattern):
            var groups = RegularExpression.Groups()
            guard let regex = regexes[pattern], path.withUnsafeBytes({ regex.matches($0, groups: &groups) }) else {
                return nil
            }
            return regex.groupNames.prefix(Captures.limit).enumerated().map { index, name in
                let range = groups[index + 1] ?? .empty
                return (name ?? String(index + 1), Self.text(Array(path[Int(range.start)..<range.end])))
            }
        }
    }

    private static func captured(_ template: PathTemplate, _ path: [UInt8]) -> [(name: String, value: String)]? {
        guard path.first == UInt8(ascii: "/") else { return nil }
        var segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        var found: [(name: String, value: String)] = []
        for wanted in template.segments {
            switch wanted {
            case .rest(let name):
                guard !segments.isEmpty else { return nil }
                found.append((name, text(Array(segments.joined(separator: [UInt8(ascii: "/")])))))
                return found
            case .literal(let bytes):
                guard let segment = segments.popFirst(), Array(segment) == bytes else { return nil }
            case .variable(let name):
                guard let segment = segments.popFirst(), !segment.isEmpty else { return nil }
                found.append((name, text(Array(segment))))
            }
        }
        return segments.isEmpty ? found : nil
    }
}

extension MatchModel {
    /// All regular expressions of the conditions.
    fileprivate var patterns: [String] {
        let fields = (headers + query).compactMap { field in
            if case .regex(let pattern) = field.value { pattern } else { nil }
        }
        if case .regex(let pattern) = path { return fields + [pattern] }
        return fields
    }
}
