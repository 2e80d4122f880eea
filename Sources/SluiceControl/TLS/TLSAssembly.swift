import SluiceConfig
import SluiceCore
import SluiceTLS
import SluiceUpstream

/// A context with all that it was made of.
struct TLSPart<Model: Hashable & Sendable, Context: Sendable>: Sendable {
    let model: Model
    let context: Context
    /// The files, and what they held.
    let paths: [String]
    let fingerprint: ContentFingerprint
    /// What is odd about it all the same.
    let warnings: [TLSFinding]
}

/// What a listener's context is made of.
struct ListenerTLSInput: Hashable, Sendable {
    let tls: ListenerTLSModel
    let protocols: [HTTPProtocol]
}

/// What an upstream's context is made of.
struct UpstreamTLSInput: Hashable, Sendable {
    let tls: UpstreamTLSModel
    let version: UpstreamProtocol
}

/// All contexts of a configuration.
struct TLSAssembly: Sendable {
    typealias ListenerPart = TLSPart<ListenerTLSInput, TLSServerContext>
    typealias UpstreamPart = TLSPart<UpstreamTLSInput, TLSClientContext>

    var listeners: [String: ListenerPart] = [:]
    var upstreams: [String: UpstreamPart] = [:]
    /// What sessions of listeners are sealed with, by the listener's name.
    var tickets: [String: TLSTicketKeys] = [:]
    var keyLogs: [String: KeyLogFile] = [:]
    var stores: [ContentFingerprint: TLSTrustStore] = [:]

    /// The same with what an earlier one has and this one could not be made of.
    func completed(by before: TLSAssembly) -> TLSAssembly {
        var whole = self
        whole.listeners.merge(before.listeners) { new, _ in new }
        whole.upstreams.merge(before.upstreams) { new, _ in new }
        return whole
    }

    /// Every file that has a part in it.
    var paths: [String] {
        Set(listeners.values.flatMap(\.paths) + upstreams.values.flatMap(\.paths)).sorted()
    }
}

/// Makes an assembly. What an earlier one has of the same settings and bytes is used again.
///
/// Isolation: one thread that may block.
struct TLSAssembler {
    private let cache = TLSFileCache()
    private let stores: TrustStores
    private let clock: @Sendable () -> Int64
    private let before: TLSAssembly
    /// Whether files are only read: nothing is written, and nothing is opened for writing.
    private let isReview: Bool
    private(set) var made = TLSAssembly()
    private(set) var errors: [TLSFinding] = []

    init(before: TLSAssembly = TLSAssembly(), isReview: Bool = false, clock: @escaping @Sendable () -> Int64) {
        self.before = before
        self.isReview = isReview
        self.clock = clock
        stores = TrustStores(before: before.stores)
    }

    /// Makes everything that a configuration wants.
    mutating func assemble(_ model: GatewayModel) {
        for listener in model.listeners {
            guard let tls = listener.tls else { continue }
            add(listener, tls)
        }
        for upstream in model.upstreams {
            guard let tls = upstream.tls else { continue }
            add(upstream, tls)
        }
        made.stores = stores.made
    }

    private mutating func add(_ listener: ListenerModel, _ tls: ListenerTLSModel) {
        let name = listener.name
        let input = ListenerTLSInput(tls: tls, protocols: listener.protocols)
        made.tickets[name] = before.tickets[name]
        made.keyLogs[name] = before.keyLogs[name]
        if let known = before.listeners[name], isSame(known, input) {
            made.listeners[name] = known
            return
        }
        let files = TLSFiles(cache)
        let builder = TLSBuilder(files: files, stores: stores, clock: clock)
        do {
            let log = try keyLog(listener, tls)
            var sink: (@Sendable ([UInt8]) -> Void)?
            if let log { sink = { log.write($0) } }
            let (context, tickets) = try builder.server(listener, tls, tickets: before.tickets[name], keyLog: sink)
            made.tickets[name] = tickets
            made.keyLogs[name] = log
            made.listeners[name] = TLSPart(
                model: input,
                context: context,
                paths: files.paths,
                fingerprint: files.fingerprint,
                warnings: try warnings(context, tls, builder)
            )
        } catch {
            errors += error.all
        }
    }

    private mutating func add(_ upstream: UpstreamModel, _ tls: UpstreamTLSModel) {
        let input = UpstreamTLSInput(tls: tls, version: upstream.version)
        if let known = before.upstreams[upstream.name], isSame(known, input) {
            made.upstreams[upstream.name] = known
            return
        }
        let files = TLSFiles(cache)
        let builder = TLSBuilder(files: files, stores: stores, clock: clock)
        do {
            let context = try builder.client(upstream, tls)
            var warnings = CertificateReview(now: clock()).findings(context, tls)
            if tls.verify { warnings += try lists(tls.verification, SourceSpan(place: tls.place), builder) }
            made.upstreams[upstream.name] = TLSPart(
                model: input,
                context: context,
                paths: files.paths,
                fingerprint: files.fingerprint,
                warnings: warnings
            )
        } catch {
            errors += error.all
        }
    }

    private func isSame<Model, Context>(_ known: TLSPart<Model, Context>, _ model: Model) -> Bool {
        known.model == model && known.fingerprint == TLSFiles.fingerprint(of: known.paths, cache)
    }

    private func warnings(
        _ context: TLSServerContext,
        _ tls: ListenerTLSModel,
        _ builder: TLSBuilder
    ) throws(TLSFindings) -> [TLSFinding] {
        let found = CertificateReview(now: clock()).findings(context, tls)
        guard let clients = tls.clientCertificate else { return found }
        return found + (try lists(clients.verification, SourceSpan(place: tls.place), builder))
    }

    private func lists(
        _ peer: PeerVerificationModel,
        _ span: SourceSpan,
        _ builder: TLSBuilder
    ) throws(TLSFindings) -> [TLSFinding] {
        let store = try stores.store(for: peer, builder.files, systemAt: span)
        return CertificateReview(now: clock()).findings(store, peer)
    }

    private func keyLog(_ listener: ListenerModel, _ tls: ListenerTLSModel) throws(TLSFindings) -> KeyLogFile? {
        guard let path = tls.keyLog, !isReview else { return nil }
        if let known = before.keyLogs[listener.name], known.path == path { return known }
        do {
            return try KeyLogFile(path)
        } catch {
            let message = "'\(Printable.short(path))' \(error.reason)"
            throw TLSFindings(all: [.error(message, at: SourceSpan(place: tls.place))])
        }
    }
}
