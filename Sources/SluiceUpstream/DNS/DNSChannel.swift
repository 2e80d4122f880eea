internal import CCares
internal import NIOCore
internal import SluiceCore

/// A c-ares channel as the resolver's thread uses it: questions go out, replies gather in `inbox`.
///
/// Isolation: one thread at a time; opened on one and handed to the resolver's.
final class DNSChannel {
    /// One question that is out.
    private final class Pending {
        let channel: DNSChannel
        let lookup: Int
        let question: DNSQuestion

        init(channel: DNSChannel, lookup: Int, question: DNSQuestion) {
            self.channel = channel
            self.lookup = lookup
            self.question = question
        }
    }

    /// A reply, for the lookup that asked.
    struct Arrival {
        let lookup: Int
        let question: DNSQuestion
        let reply: DNSReply
    }

    /// nil once closed.
    private var channel: OpaquePointer?
    private var inbox: [Arrival] = []
    private let shortage: DNSShortage
    let search: DNSSearchList

    /// - Throws: `.badName` when a server is no `host:port`, or `.noResources`.
    init(_ configuration: DNSResolver.Configuration, _ shortage: DNSShortage) throws(DNSError) {
        self.shortage = shortage
        let servers = configuration.servers.joined(separator: ",")
        let milliseconds = configuration.timeout.nanoseconds / 1_000_000
        var opened: OpaquePointer?
        let status = sluice_dns_open(
            &opened,
            configuration.systemFile,
            servers.isEmpty ? nil : servers,
            Int32(clamping: max(milliseconds, 1)),
            Int32(clamping: max(configuration.tries, 1))
        )
        guard let opened else { throw DNSError(status) ?? .serverFailure }
        channel = opened
        search = Self.search(opened, configuration)
    }

    deinit { close() }

    /// Ends all questions that are out. Needed before the last reference goes, since each of them holds one.
    func close() {
        guard let open = channel else { return }
        channel = nil
        sluice_dns_close(open)
    }

    private static func search(_ channel: OpaquePointer, _ configuration: DNSResolver.Configuration) -> DNSSearchList {
        if let domains = configuration.searchDomains {
            return DNSSearchList(dots: configuration.dots, domains: domains)
        }
        let domains = (0..<max(sluice_dns_domain_count(channel), 0)).compactMap {
            sluice_dns_domain(channel, $0).map { String(cString: $0) }
        }
        return DNSSearchList(dots: Int(sluice_dns_dots(channel)), domains: domains)
    }

    /// Sends a question; the reply comes with a later `takeArrivals`.
    func ask(_ question: DNSQuestion, for lookup: Int) {
        guard let channel else {
            inbox.append(Arrival(lookup: lookup, question: question, reply: .failure(.cancelled)))
            return
        }
        // SAFETY: released by the callback, which c-ares makes exactly once, at the latest when the channel is closed.
        let pending = Unmanaged.passRetained(Pending(channel: self, lookup: lookup, question: question))
        sluice_dns_ask(channel, question.name, Int32(question.type.rawValue), Self.received, pending.toOpaque())
    }

    /// Waits until there may be arrivals or `wake` is signalled.
    func step(wake: Int32) {
        if let channel { sluice_dns_step(channel, wake) }
    }

    /// The replies that came since the last call.
    func takeArrivals() -> [Arrival] {
        let arrivals = inbox
        inbox.removeAll(keepingCapacity: true)
        return arrivals
    }

    private static let received: sluice_dns_callback = { context, status, bytes, count in
        guard let context else { return }
        // SAFETY: balances the retain in `ask`.
        let pending = Unmanaged<Pending>.fromOpaque(context).takeRetainedValue()
        let reply: DNSReply
        if let error = DNSError(status) {
            reply = .failure(pending.channel.shortage.judged(error))
        } else {
            let message = Array(UnsafeBufferPointer(start: bytes, count: count))
            reply = Result { () throws(DNSError) in try DNSMessage(parsing: message) }
        }
        pending.channel.inbox.append(Arrival(lookup: pending.lookup, question: pending.question, reply: reply))
    }

    // MARK: - Waking up

    /// A descriptor for `step`; below 0 when there is none.
    static func openWake() -> Int32 { sluice_dns_wake_open() }
    static func signal(_ wake: Int32) { sluice_dns_wake_signal(wake) }
    static func closeWake(_ wake: Int32) { sluice_dns_wake_close(wake) }
}

/// Tells a lack of descriptors or memory from a server that cannot be reached, and reports it. Isolation: any thread.
struct DNSShortage: Sendable {
    private let report: ResourceShortage?
    private let row = Episode()

    init(_ report: ResourceShortage? = nil) { self.report = report }

    /// The error that a failure really was, as far as that can be found out behind it.
    func judged(_ error: DNSError) -> DNSError {
        switch error {
        case .unreachable, .serverFailure, .noResources: break
        case .notFound, .refused, .timeout, .malformed, .badName, .cancelled: return error
        }
        let code = sluice_dns_shortage()
        guard ResourceShortage.isMeant(by: code) else { return error }
        report?.prevented("look up names", code: code, in: row)
        return .noResources
    }
}

extension DNSError {
    /// nil: no error.
    fileprivate init?(_ status: sluice_dns_status) {
        switch status {
        case SLUICE_DNS_ANSWER: return nil
        case SLUICE_DNS_NO_DATA, SLUICE_DNS_NOT_FOUND: self = .notFound
        case SLUICE_DNS_REFUSED: self = .refused
        case SLUICE_DNS_TIMEOUT: self = .timeout
        case SLUICE_DNS_MALFORMED: self = .malformed
        case SLUICE_DNS_BAD_INPUT: self = .badName
        case SLUICE_DNS_UNREACHABLE: self = .unreachable
        case SLUICE_DNS_CANCELLED: self = .cancelled
        case SLUICE_DNS_NO_RESOURCES: self = .noResources
        default: self = .serverFailure
        }
    }
}
