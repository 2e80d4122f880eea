import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTLS

/// The TLS of the running configuration: the newest context of each listener and upstream that has it, and the files that
/// they come from.
///
/// New files are taken over without a reload, one listener or upstream at a time: where they cannot be used, such as a
/// certificate whose key has not come yet, what was read before stays. Isolation: the control queue.
final class TLSStore {
    private let clock: @Sendable () -> Int64
    private let monotonic: @Sendable () -> NIODeadline
    private let log: (String) -> Void
    private var model = GatewayModel()
    private var running = TLSAssembly()
    private var detector = ChangeDetector(FileSignature(of: []))
    /// The detector knows the files only from after they were read.
    private var isUnsure = false
    /// For the metrics.
    let facts = TLSFacts()
    /// For health checks.
    let upstreams = UpstreamContexts()

    /// - Parameters:
    ///   - clock: seconds since 1970.
    ///   - monotonic: for the wait until files hold still.
    ///   - log: takes one line for operators.
    init(
        clock: @escaping @Sendable () -> Int64 = SystemClock.secondsSince1970,
        monotonic: @escaping @Sendable () -> NIODeadline = SystemClock.monotonic,
        log: @escaping (String) -> Void
    ) {
        self.clock = clock
        self.monotonic = monotonic
        self.log = log
    }

    /// What a configuration makes of it, ready to be taken over.
    struct Change: Sendable {
        fileprivate let model: GatewayModel
        fileprivate let assembly: TLSAssembly

        /// Of listeners with TLS, by their names.
        var servers: [String: TLSServerContext] { assembly.listeners.mapValues(\.context) }
        /// Of upstreams with TLS, by their names.
        var clients: [String: TLSClientContext] { assembly.upstreams.mapValues(\.context) }
    }

    /// Reads all files and makes all contexts. Nothing changes yet.
    ///
    /// - Throws: what is wrong with the files, one line for each.
    func prepare(_ model: GatewayModel) throws(StartError) -> Change {
        var assembler = TLSAssembler(before: running, clock: clock)
        assembler.assemble(model)
        guard assembler.errors.isEmpty else {
            throw StartError(assembler.errors.map(\.line).joined(separator: "\n"))
        }
        return Change(model: model, assembly: assembler.made)
    }

    /// From here on, the files of the change are watched.
    func commit(_ change: Change) {
        model = change.model
        running = change.assembly
        upstreams.replace(by: change.clients)
        detector.settle(FileSignature(of: running.paths))
        isUnsure = true
        facts.follow(running, isFailing: false)
    }

    /// What sessions of a listener are sealed with.
    func ticketKeys(of listener: String) -> TLSTicketKeys? { running.tickets[listener] }

    // MARK: - Files that change

    /// Contexts of new files, by the names of listeners and upstreams.
    struct Update: Sendable {
        var servers: [String: TLSServerContext] = [:]
        var clients: [String: TLSClientContext] = [:]
    }

    /// Looks at the files, and reads those that have changed and held still.
    ///
    /// - Returns: what handshakes must go by from now on; nil where that is what they go by already.
    func look() -> Update? {
        guard !running.paths.isEmpty else { return nil }
        if isUnsure {
            isUnsure = false
            if !isCurrent { detector.disturb(at: monotonic()) }
        }
        guard detector.observe(FileSignature(of: running.paths), at: monotonic()) else { return nil }
        return refresh()
    }

    private var isCurrent: Bool {
        let cache = TLSFileCache()
        return running.listeners.values.allSatisfy { TLSFiles.fingerprint(of: $0.paths, cache) == $0.fingerprint }
            && running.upstreams.values.allSatisfy { TLSFiles.fingerprint(of: $0.paths, cache) == $0.fingerprint }
    }

    private func refresh() -> Update? {
        var assembler = TLSAssembler(before: running, clock: clock)
        assembler.assemble(model)
        let before = running
        running = assembler.made.completed(by: before)
        for finding in assembler.errors { log("TLS: what was read before stays: \(finding.line)") }
        let servers = running.listeners.filter { $0.value.context !== before.listeners[$0.key]?.context }
        let clients = running.upstreams.filter { $0.value.context !== before.upstreams[$0.key]?.context }
        for (name, part) in servers { tell("listener '\(Printable.short(name))'", part.warnings) }
        for (name, part) in clients { tell("upstream '\(Printable.short(name))'", part.warnings) }
        facts.follow(running, isFailing: !assembler.errors.isEmpty)
        guard !servers.isEmpty || !clients.isEmpty else { return nil }
        upstreams.replace(by: running.upstreams.mapValues(\.context))
        return Update(servers: servers.mapValues(\.context), clients: clients.mapValues(\.context))
    }

    private func tell(_ who: String, _ warnings: [TLSFinding]) {
        log("TLS: \(who) has taken over new files")
        for warning in warnings { log("TLS: \(warning.line)") }
    }
}
