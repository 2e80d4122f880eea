import Glibc
import NIOCore
import SluiceConfig
import SluiceFilters
import SluiceTLS
import SluiceTesting

@testable import SluiceControl

/// A folder with certificates, the configuration that names them, and time that stands.
final class TLSKit {
    let folder: TemporaryFolder
    private let time = Time()
    private let log = Log()
    private var made: TLSStore?

    init() throws {
        folder = try TemporaryFolder()
        try write("api.pem", TLSFixtures.api)
        try write("api.key", TLSFixtures.apiKey)
        try write("ca.pem", TLSFixtures.authority)
    }

    func write(_ name: String, _ text: String) throws { try TextFile.write(text, to: folder.path(name)) }

    /// What was written stands in another inode, as tools that renew certificates do it.
    func replace(_ name: String, _ text: String) throws {
        try write(name + ".new", text)
        guard rename(folder.path(name + ".new"), folder.path(name)) == 0 else { throw TestFailure("cannot rename") }
    }

    func remove(_ name: String) throws {
        guard unlink(folder.path(name)) == 0 else { throw TestFailure("cannot remove \(name)") }
    }

    /// Who may do what with a file; nil where there is none.
    func mode(of name: String) -> UInt32? {
        var status = stat()
        return stat(folder.path(name), &status) == 0 ? status.st_mode & 0o777 : nil
    }

    /// A configuration with these listeners and upstreams, and routes that need neither.
    static func text(listeners: String, upstreams: String = "", routes: String = "") -> String {
        """
        version: 1
        listeners:
        \(listeners)
        upstreams:
        \(upstreams)
        routes:
          - {name: all, match: {path: /}, respond: {}}
        \(routes)
        """
    }

    /// One listener with TLS of these settings.
    static func listener(_ tls: String, name: String = "public", more: String = "") -> String {
        "  - {name: \(name), address: \":8443\", tls: {\(tls)}\(more)}"
    }

    static let api = listener("certificates: [{cert: api.pem, key: api.key}]")

    func load(_ text: String) throws -> ConfigurationCheck {
        try write("site.yaml", text)
        return ConfigurationCheck.run([folder.path("site.yaml")], filters: BuiltInFilters.catalog)
    }

    func model(_ text: String) throws -> GatewayModel {
        let check = try load(text)
        guard let model = check.model else { throw TestFailure(check.report(.text)) }
        return model
    }

    /// What the check of a configuration says, each behind the text that it is said of.
    func findings(_ text: String) throws -> [String] {
        let check = try load(text)
        guard check.isValid else { throw TestFailure(check.report(.text)) }
        return check.reviewed(clock: { TLSFixtures.now }).diagnostics.sorted.map { finding in
            let message = finding.message.replacing(folder.path(""), with: "")
            return "\(excerpt(text, finding.span)) \(finding.severity.rawValue) \(finding.code.rawValue) \(message)"
        }
    }

    private func excerpt(_ text: String, _ span: SourceSpan) -> Substring {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines[span.place.line - 1].dropFirst(span.place.column - 1).prefix(span.length)
    }

    // MARK: - Running

    var store: TLSStore {
        if let made { return made }
        let store = TLSStore(
            clock: { TLSFixtures.now },
            monotonic: { [time] in time.now },
            log: { [log] in log.lines.append($0) }
        )
        made = store
        return store
    }

    // SAFETY: a test is one task.
    private final class Time: @unchecked Sendable { var now = NIODeadline.uptimeNanoseconds(1_000_000_000) }
    private final class Log { var lines: [String] = [] }

    /// What operators were told, without the folder's name.
    var told: [String] { log.lines.map { $0.replacing(folder.path(""), with: "") } }

    @discardableResult
    func run(_ text: String) throws -> TLSStore.Change {
        let change = try store.prepare(try model(text))
        store.commit(change)
        return change
    }

    /// Looks until files that changed have held still for long enough.
    ///
    /// - Returns: all that came of it.
    @discardableResult
    func wait() -> TLSStore.Update {
        var all = TLSStore.Update()
        for _ in 0..<3 {
            if let update = store.look() {
                all.servers.merge(update.servers) { _, new in new }
                all.clients.merge(update.clients) { _, new in new }
            }
            time.now = time.now + .milliseconds(250)
        }
        return all
    }
}

extension TLSStore.Update {
    var isEmpty: Bool { servers.isEmpty && clients.isEmpty }
}
