package import NIOCore
package import SluiceConfig
package import SluiceCore
internal import Synchronization

/// Resolves names through c-ares, on a thread of its own.
///
/// One resolver serves all upstreams that ask the same servers. Host names are looked up in the hosts file first; what
/// c-ares does: choosing and retrying servers, time-outs, matching replies to questions (id, source port and
/// question), TCP for replies that UDP cuts short. The replies are read in Swift (`DNSMessage`).
///
/// Isolation: any thread. Completions run on the resolver's thread and must not block. `shutdown` ends it; so does the
/// last reference going away.
package final class DNSResolver: Sendable {
    package struct Configuration: Sendable {
        /// `host:port` (`[v6]:port`, the port is 53 if absent) of the servers; empty: those of the system.
        package var servers: [String] = []
        /// For the first try at each server; later tries wait longer.
        package var timeout = TimeAmount.seconds(2)
        /// Of each server.
        package var tries = 3
        /// Domains for short names, and the dots that make a name a long one; nil: those of the system.
        package var searchDomains: [String]?
        package var dots = 1
        package var hostsFile = "/etc/hosts"
        /// Where the system's servers and search list stand; read again when this file changes.
        package var systemFile = "/etc/resolv.conf"
        /// Lookups under way at once; further ones wait for their turn.
        package var concurrency = 64
        /// Is told when the gateway itself is what has run out of something.
        package var shortage: ResourceShortage?

        package init() {}
    }

    private let mailbox: DNSMailbox

    /// - Throws: `.badName` when a server is no `host:port`, `.noResources` when thread or descriptors are not to be
    ///   had.
    package init(_ configuration: Configuration = Configuration()) throws(DNSError) {
        let shortage = DNSShortage(configuration.shortage)
        let channel: DNSChannel
        do throws(DNSError) {
            channel = try DNSChannel(configuration, shortage)
            mailbox = try DNSMailbox()
        } catch {
            throw shortage.judged(error)
        }
        let worker = DNSWorker(configuration, channel: channel, mailbox: mailbox, shortage)
        guard DNSWorker.start(worker) else { throw .noResources }
    }

    deinit { mailbox.close() }

    /// Looks up the addresses of a host: a name, absolute when it ends with a dot, or a literal address. `completion` is
    /// called exactly once.
    package func resolveHost(
        _ name: String,
        family: DNSModel.Family = .any,
        completion: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    ) {
        mailbox.post(DNSRequest(name: name, isService: false, family: family, completion: completion))
    }

    /// Looks up a service (`_http._tcp.orders.internal`) and the addresses of its targets. `completion` is called
    /// exactly once.
    package func resolveService(
        _ name: String,
        family: DNSModel.Family = .any,
        completion: @escaping @Sendable (Result<DNSAnswer, DNSError>) -> Void
    ) {
        mailbox.post(DNSRequest(name: name, isService: true, family: family, completion: completion))
    }

    /// As above, for callers that can wait.
    package func resolveHost(_ name: String, family: DNSModel.Family = .any) async -> Result<DNSAnswer, DNSError> {
        await withCheckedContinuation { waiting in
            resolveHost(name, family: family) { waiting.resume(returning: $0) }
        }
    }

    /// As above, for callers that can wait.
    package func resolveService(_ name: String, family: DNSModel.Family = .any) async -> Result<DNSAnswer, DNSError> {
        await withCheckedContinuation { waiting in
            resolveService(name, family: family) { waiting.resume(returning: $0) }
        }
    }

    /// Ends the thread soon. Lookups under way, and all later ones, complete with `.cancelled`.
    package func shutdown() { mailbox.close() }
}

/// One lookup that somebody waits for.
struct DNSRequest: Sendable {
    let name: String
    let isService: Bool
    let family: DNSModel.Family
    let completion: @Sendable (Result<DNSAnswer, DNSError>) -> Void
}

/// What other threads leave for the resolver's thread.
final class DNSMailbox: Sendable {
    private struct State {
        var requests: [DNSRequest] = []
        var isOpen = true
        /// nil once the thread has closed it.
        var wake: Int32?
    }

    /// What the thread waits on. Valid until it calls `finish`.
    let wake: Int32
    private let state: Mutex<State>

    init() throws(DNSError) {
        wake = DNSChannel.openWake()
        guard wake >= 0 else { throw .noResources }
        state = Mutex(State(wake: wake))
    }

    deinit { finish() }

    func post(_ request: DNSRequest) {
        let isTaken = state.withLock { state in
            guard state.isOpen else { return false }
            state.requests.append(request)
            if let wake = state.wake { DNSChannel.signal(wake) }
            return true
        }
        if !isTaken { request.completion(.failure(.cancelled)) }
    }

    func close() {
        state.withLock { state in
            state.isOpen = false
            if let wake = state.wake { DNSChannel.signal(wake) }
        }
    }

    /// All that was posted since the last call, and whether more may come.
    ///
    /// Both at once: the signal that woke the thread may have been for a request and for the end, and there is no
    /// second one.
    func take() -> (requests: [DNSRequest], isOpen: Bool) {
        state.withLock { state in
            let requests = state.requests
            state.requests = []
            return (requests, state.isOpen)
        }
    }

    /// The thread is gone: nobody waits on the descriptor any more.
    func finish() {
        state.withLock { state in
            guard let wake = state.wake else { return }
            state.wake = nil
            DNSChannel.closeWake(wake)
        }
    }
}
