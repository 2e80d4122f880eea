package import SluiceConfig
import SluiceCore

/// `ip_access`: which client addresses may come.
package struct IPAccessConfiguration: RunnableFilterConfiguration {
    /// What becomes of clients without an address: those of a Unix socket.
    enum UnixPolicy: String, CaseIterable, Sendable { case allow, deny }

    static let allow = OptionalField(
        "allow",
        .networks,
        absent: "everybody who is not denied",
        doc: "Networks or addresses that may come; all others are refused."
    )
    static let deny = OptionalField("deny", .networks, absent: "nobody", doc: "Networks or addresses that are refused.")
    static let allowFile = OptionalField(
        "allow_file",
        .networkFile(mayBeEmpty: false),
        doc: "A file with further networks to allow, one a line; `#` begins a comment. Watched like the configuration."
    )
    static let denyFile = OptionalField(
        "deny_file",
        .networkFile(mayBeEmpty: true),
        doc: "A file with further networks to refuse. It may be empty."
    )
    static let unix = OptionalField(
        "unix",
        .choice(of: UnixPolicy.self),
        absent: "as an address that is on no list",
        doc: "Clients of a Unix socket, who have no address."
    )
    static let status = Field("status", .status(400...499), default: 403, doc: "The status of a refusal.")
    package static let schema = ObjectSchema(
        "ip_access",
        doc: """
            Lets clients in, or refuses them, by their address. What is denied is denied, whatever `allow` says; where \
            there is an `allow` or `allow_file`, only what is on it may come.
            """,
        fields: [allow, deny, allowFile, denyFile, unix, status]
    )
    package static let mayRepeat = true

    /// nil: no list, so everybody.
    let allowed: NetworkSet?
    let denied: NetworkSet?
    let unix: UnixPolicy
    let status: Int

    package init(from reader: ObjectReader) {
        let (allow, deny) = (reader.read(Self.allow), reader.read(Self.deny))
        let (allowFile, denyFile) = (reader.read(Self.allowFile), reader.read(Self.denyFile))
        allowed = Self.set(allow, allowFile)
        denied = Self.set(deny, denyFile)
        unix = reader.read(Self.unix) ?? (allowed == nil ? .allow : .deny)
        status = reader.read(Self.status)
        let lists: [any AnyField] = [Self.allow, Self.deny, Self.allowFile, Self.denyFile]
        if !lists.contains(where: { reader.has($0) }) {
            let help = "write who may come: {allow: [10.0.0.0/8]}"
            reader.report(.missingField, at: reader.node.span, "filter 'ip_access' restricts nobody", help: help)
        }
    }

    private static func set(_ list: [CIDR]?, _ file: [CIDR]?) -> NetworkSet? {
        list == nil && file == nil ? nil : NetworkSet((list ?? []) + (file ?? []))
    }

    package var effects: [String] {
        func count(_ set: NetworkSet) -> String { set.networkCount == 1 ? "1 network" : "\(set.networkCount) networks" }
        var lines: [String] = []
        if let denied { lines.append("request: refuse clients of \(count(denied)) with \(status)") }
        if let allowed { lines.append("request: refuse clients outside of \(count(allowed)) with \(status)") }
        return lines
    }

    package func makeFilter(_ resources: FilterResources) -> any Filter { IPAccessFilter(self) }
}

extension ValueType where Value == [CIDR] {
    fileprivate static var networks: Self { .list(of: .network, atLeast: 1) }

    /// The name of a file of networks, read when the configuration is.
    fileprivate static func networkFile(mayBeEmpty: Bool) -> Self {
        ValueType(.text("file name")) { node, scope in
            guard let name = scope.text(of: node) else { return nil }
            let context = scope.context
            guard !name.isEmpty, let bytes = context.bytes(ofFile: name, near: node.span) else {
                let limit = Units.showSize(DecodeContext.largestFile)
                let message = "the file \(scope.shown(node)) cannot be read, or is larger than \(limit)"
                scope.report(.unreadableReference, at: node, message)
                return nil
            }
            let list = NetworkList(bytes)
            if list.problemCount > 0 {
                report(list, in: ConfigFile(path: context.path(ofFile: name, near: node.span), bytes: bytes), scope)
                return nil
            }
            if list.networks.isEmpty, !mayBeEmpty {
                scope.report(
                    .invalidValue,
                    at: node,
                    "the file \(scope.shown(node)) holds no network, so \(scope.subject) would let nobody in"
                )
                return nil
            }
            return list.networks
        }
    }

    /// Shows the lines that are no networks, where they are.
    private static func report(_ list: NetworkList, in file: ConfigFile, _ scope: Scope) {
        let context = scope.context
        if !context.diagnostics.sources.contains(where: { $0.path == file.path }) {
            context.diagnostics.sources.append(file)
        }
        for problem in list.problems {
            let place = SourcePlace(file: file.path, line: problem.line, column: problem.column)
            context.report(
                .network,
                at: SourceSpan(place: place, length: problem.text.unicodeScalars.count),
                "not a network: '\(problem.text)'",
                help: "one a line: 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32; '#' begins a comment"
            )
        }
        let others = list.problemCount - list.problems.count
        guard others > 0, let last = list.problems.last else { return }
        context.report(
            .network,
            at: SourceSpan(place: SourcePlace(file: file.path, line: last.line, column: 1)),
            "\(others) more lines are no networks"
        )
    }
}
