import NIOCore
import SluiceConfig

/// Follows one name for all upstreams that use it, and asks again when it is time.
///
/// Isolation: the control loop.
final class NameWatch {
    private let context: SupervisorContext
    private let resolver: any NameResolver
    private let key: NameKey
    private var tracker: DNSTracker
    private var next: Scheduled<Void>?
    private var loggedError: DNSError?
    private let changed: () -> Void
    private var whenAnswered: [() -> Void] = []
    /// The first lookup has ended, well or not.
    private(set) var isAnswered = false
    private var isStopped = false

    /// `changed` is called when `endpoints` are others.
    init(_ context: SupervisorContext, _ resolver: any NameResolver, _ key: NameKey, changed: @escaping () -> Void) {
        self.context = context
        self.resolver = resolver
        self.key = key
        self.changed = changed
        tracker = DNSTracker(key.dns, port: key.port, random: context.nextRandom(), now: context.now)
    }

    var endpoints: [DNSEndpoint] { tracker.endpoints }

    func start() { ask() }

    func stop() {
        isStopped = true
        next?.cancel()
        next = nil
        answered()
    }

    /// Calls `body` when the first lookup has ended.
    func onAnswer(_ body: @escaping () -> Void) {
        if isAnswered { body() } else { whenAnswered.append(body) }
    }

    private func ask() {
        next = nil
        guard !isStopped, tracker.tick(context.now) else { return }
        let bound = NIOLoopBound(self, eventLoop: context.loop)
        let loop = context.loop
        let done: @Sendable (Result<DNSAnswer, DNSError>) -> Void = { result in
            loop.execute { bound.value.finished(result) }
        }
        switch key.kind {
        case .host(let name, _): resolver.resolveHost(name, key.dns, done: done)
        case .service(let name): resolver.resolveService(name, key.dns, done: done)
        }
    }

    private func finished(_ result: Result<DNSAnswer, DNSError>) {
        guard !isStopped else { return }
        let change = tracker.finished(result, at: context.now)
        logProblem()
        if let until = tracker.nextDeadline { next = context.schedule(at: until) { [self] in ask() } }
        if change != nil { changed() }
        answered()
    }

    private func answered() {
        isAnswered = true
        let waiting = whenAnswered
        whenAnswered = []
        for body in waiting { body() }
    }

    /// Once per kind of trouble, and once when it is over.
    private func logProblem() {
        guard tracker.lastError != loggedError else { return }
        loggedError = tracker.lastError
        if let error = loggedError {
            let known = tracker.endpoints.isEmpty ? "no address is known" : "the last addresses are kept"
            context.log("dns: \(key.name) cannot be resolved (\(error.rawValue)), \(known)")
        } else {
            context.log("dns: \(key.name) is resolved again")
        }
    }
}
