import NIOCore
import SluiceConfig
import SluiceCore
import SluiceTLS

/// The TLS of the running configuration: a slot with the newest context for each listener and upstream that has it, and
/// the files that they come from.
///
/// New files are taken over without a reload, one listener or upstream at a time: where they cannot be used, such as a
/// certificate whose key has not come yet, what was read before stays. Isolation: the control queue.
final class TLSStore {
    private let clock: @Sendable () -> Int64
    private let monotonic: @Sendable () -> NIODeadline
    private let log: (String) -> Void
    private var model = GatewayModel()
    private var running = TLSAssembly()
    private var servers: [String: TLSSlot<TLSServerContext>] = [:]
    private var clients: [String: TLSSlot<TLSClientContext>] = [:]
    private var detector = ChangeDetector(FileSignature(of: []))
    /// The detector knows the files only from after they were read.
    private var isUnsure = false
    /// For the metrics.
    let facts = TLSFacts()

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
    struct Change {
        fileprivate let model: GatewayModel
        fileprivate let assembly: TLSAssembly
        fileprivate let servers: [String: TLSSlot<TLSServerContext>]
        fileprivate let clients: [String: TLSSlot<TLSClientContext>]

        /// Of a listener with TLS; what a handshake gets from it before `commit` may be of the configuration before.
        func server(_ listener: String) -> TLSSlot<TLSServerContext>? { servers[listener] }

        /// Of an upstream with TLS.
        func client(_ upstream: String) -> TLSSlot<TLSClientContext>? { clients[upstream] }
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
        let assembly = assembler.made
        return Change(
            model: model,
            assembly: assembly,
            servers: Self.slots(of: assembly.listeners, servers),
            clients: Self.slots(of: assembly.upstreams, clients)
        )
    }

    /// Those that are there stay, so that whoever holds one learns of all that comes.
    private static func slots<Model, Context>(
        of parts: [String: TLSPart<Model, Context>],
        _ known: [String: TLSSlot<Context>]
    ) -> [String: TLSSlot<Context>] {
        var slots: [String: TLSSlot<Context>] = [:]
        for (name, part) in parts { slots[name] = known[name] ?? TLSSlot(part.context) }
        return slots
    }

    /// From here on, handshakes go by the change.
    func commit(_ change: Change) {
        model = change.model
        running = change.assembly
        servers = change.servers
        clients = change.clients
        for (name, part) in running.listeners { servers[name]?.replace(by: part.context) }
        for (name, part) in running.upstreams { clients[name]?.replace(by: part.context) }
        detector.settle(FileSignature(of: running.paths))
        isUnsure = true
        facts.follow(running, isFailing: false)
    }

    /// What sessions of a listener are sealed with.
    func ticketKeys(of listener: String) -> TLSTicketKeys? { running.tickets[listener] }

    // MARK: - Files that change

    /// Looks at the files, and takes over those that have changed and held still.
    ///
    /// - Returns: whether it was time to read them.
    @discardableResult
    func look() -> Bool {
        guard !running.paths.isEmpty else { return false }
        if isUnsure {
            isUnsure = false
            if !isCurrent { detector.disturb(at: monotonic()) }
        }
        guard detector.observe(FileSignature(of: running.paths), at: monotonic()) else { return false }
        refresh()
        return true
    }

    private var isCurrent: Bool {
        let cache = TLSFileCache()
        return running.listeners.values.allSatisfy { TLSFiles.fingerprint(of: $0.paths, cache) == $0.fingerprint }
            && running.upstreams.values.allSatisfy { TLSFiles.fingerprint(of: $0.paths, cache) == $0.fingerprint }
    }

    private func refresh() {
        var assembler = TLSAssembler(before: running, clock: clock)
        assembler.assemble(model)
        let before = running
        running = assembler.made
        for finding in assembler.errors { log("TLS: what was read before stays: \(finding.line)") }
        keep(before)
        for (name, part) in running.listeners where part.context !== before.listeners[name]?.context {
            servers[name]?.replace(by: part.context)
            log("TLS: listener '\(name)' has taken over new files")
            for warning in part.warnings { log("TLS: \(warning.line)") }
        }
        for (name, part) in running.upstreams where part.context !== before.upstreams[name]?.context {
            clients[name]?.replace(by: part.context)
            log("TLS: upstream '\(name)' has taken over new files")
            for warning in part.warnings { log("TLS: \(warning.line)") }
        }
        // A bundle may name the system's file anew, and one that failed may have come to ask for others.
        detector.settle(FileSignature(of: running.paths))
        facts.follow(running, isFailing: !assembler.errors.isEmpty)
    }

    /// What could not be made anew stays as it was, its files watched.
    private func keep(_ before: TLSAssembly) {
        running.listeners.merge(before.listeners) { new, _ in new }
        running.upstreams.merge(before.upstreams) { new, _ in new }
        running.stores.merge(before.stores) { new, _ in new }
    }
}
