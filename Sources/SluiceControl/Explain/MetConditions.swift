import SluiceConfig
import SluiceCore

/// The conditions of the route that takes a request, each with what met it.
struct MetConditions {
    private(set) var list: [MetCondition] = []

    /// - Parameter serverName: what the client asked for in the TLS handshake.
    init(_ match: MatchModel, _ intake: Intake, listener: String, serverName: [UInt8]?) {
        let head = intake.head
        let fields = head.fields
        if !match.listeners.isEmpty { add("listener", Wording.choice(match.listeners), listener) }
        if !match.source.isEmpty {
            let network = match.source.first { network in intake.client.map(network.contains) ?? false }
            add("source", network.map(Wording.network) ?? "", intake.client?.description ?? "")
        }
        if !match.sni.isEmpty, let serverName {
            let name = String(decoding: serverName, as: UTF8.self)
            add("sni", match.sni.first { Self.host(name, fits: $0) } ?? Wording.choice(match.sni), name)
        }
        if !match.hosts.isEmpty {
            let host = fields.string(head.host)
            add("host", match.hosts.first { Self.host(host, fits: $0) } ?? Wording.choice(match.hosts), host)
        }
        switch match.path {
        case .any: break
        case .exact(let path): add("path", path, fields.string(head.path))
        case .prefix, .template, .regex: add("path", Wording.path(match.path), fields.string(head.path))
        }
        if !match.methods.isEmpty {
            let method = fields.string(head.methodRange)
            let isHead = method == "HEAD" && !match.methods.contains("HEAD")
            add("method", Wording.choice(match.methods), method + (isHead ? ", which goes where GET does" : ""))
        }
        for header in match.headers {
            let value = Self.header(header.name, of: fields)
            add("header", "\(header.name) \(Wording.value(header))", Self.shown(value, header.name))
        }
        for parameter in match.query {
            let value = head.query.flatMap { Self.parameter(parameter.name, of: fields.string($0)) }
            add("query", "\(parameter.name) \(Wording.value(parameter))", Self.shown(value, parameter.name))
        }
    }

    private mutating func add(_ kind: String, _ wanted: String, _ got: String) {
        list.append(MetCondition(kind: kind, wanted: wanted, got: got))
    }

    private static func shown(_ value: String?, _ name: String) -> String {
        value.map { Discretion.shown($0, under: name) } ?? "absent"
    }

    private static func host(_ host: String, fits pattern: String) -> Bool {
        pattern.hasPrefix("*.") ? host.hasSuffix(pattern.dropFirst(1)) : pattern == host || pattern == "*"
    }

    /// All lines of a header, with commas between.
    private static func header(_ name: String, of fields: HeaderTable) -> String? {
        let lines = fields.entries.filter { !$0.isRemoved && fields.string($0.nameRange).lowercased() == name }
        return lines.isEmpty ? nil : lines.map { fields.string($0.valueRange) }.joined(separator: ",")
    }

    /// The first value of a parameter, as it is written.
    private static func parameter(_ name: String, of query: String) -> String? {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts[0] == name { return parts.count > 1 ? String(parts[1]) : "" }
        }
        return nil
    }
}
