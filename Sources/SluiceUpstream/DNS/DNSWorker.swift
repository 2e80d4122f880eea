internal import SluiceConfig
internal import SluiceCore

/// The resolver's thread: takes requests, runs their lookups over one channel, completes them.
///
/// Isolation: after `start` its thread alone.
final class DNSWorker {
    /// Both kinds of lookup under one face.
    private enum Lookup {
        case host(HostLookup)
        case service(ServiceLookup)

        mutating func start() -> DNSLookupStep {
            switch self {
            case .host(var lookup):
                defer { self = .host(lookup) }
                return lookup.start()
            case .service(var lookup):
                defer { self = .service(lookup) }
                return lookup.start()
            }
        }

        mutating func received(_ reply: DNSReply, to question: DNSQuestion) -> DNSLookupStep {
            switch self {
            case .host(var lookup):
                defer { self = .host(lookup) }
                return lookup.received(reply, to: question)
            case .service(var lookup):
                defer { self = .service(lookup) }
                return lookup.received(reply, to: question)
            }
        }
    }

    private struct Running {
        var lookup: Lookup
        let request: DNSRequest
    }

    private let configuration: DNSResolver.Configuration
    private let mailbox: DNSMailbox
    private let shortage: DNSShortage
    private var channel: DNSChannel
    private var hosts = WatchedFile<HostsFile>()
    private var system = WatchedFile<Void>()
    private var running: [Int: Running] = [:]
    private var nextLookup = 0
    /// Requests that wait for their turn, the first at `firstWaiting`.
    private var waiting: [DNSRequest] = []
    private var firstWaiting = 0

    init(
        _ configuration: DNSResolver.Configuration,
        channel: DNSChannel,
        mailbox: DNSMailbox,
        _ shortage: DNSShortage
    ) {
        self.configuration = configuration
        self.shortage = shortage
        self.channel = channel
        self.mailbox = mailbox
        _ = system.hasChanged(configuration.systemFile)
    }

    // MARK: - Thread

    /// Carries a worker to its thread.
    // SAFETY: whoever makes one gives the worker away, and only the new thread takes it out.
    private struct Handover: @unchecked Sendable {
        let worker: DNSWorker
    }

    /// Starts the thread, which ends by itself when the mailbox is closed. The worker is its alone from here on.
    ///
    /// - Returns: false when there is no thread to be had.
    static func start(_ worker: DNSWorker) -> Bool {
        let handover = Handover(worker: worker)
        return ControlThread.spawn(name: "sluice-dns") { handover.worker.run() }
    }

    private func run() {
        while true {
            let (requests, isOpen) = mailbox.take()
            waiting += requests
            guard isOpen else { break }
            startWaiting()
            // Replies may be there at once; each may lead to further questions.
            while deliverArrivals() { startWaiting() }
            channel.step(wake: mailbox.wake)
        }
        mailbox.finish()
        channel.close()
        for request in waiting[firstWaiting...] { request.completion(.failure(.cancelled)) }
        for lookup in running.values { lookup.request.completion(.failure(.cancelled)) }
    }

    // MARK: - Lookups

    private func startWaiting() {
        while running.count < max(configuration.concurrency, 1), firstWaiting < waiting.count {
            let request = waiting[firstWaiting]
            firstWaiting += 1
            start(request)
        }
        if firstWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            firstWaiting = 0
        }
    }

    private func start(_ request: DNSRequest) {
        reopenIfSystemChanged()
        let hosts = self.hosts.value(configuration.hostsFile, empty: HostsFile()) { HostsFile(parsing: $0) }
        let (family, search) = (request.family, channel.search)
        var lookup: Lookup =
            request.isService
            ? .service(ServiceLookup(request.name, family: family, search: search, hosts: hosts))
            : .host(HostLookup(request.name, family: family, search: search, hosts: hosts))
        let step = lookup.start()
        nextLookup += 1
        running[nextLookup] = Running(lookup: lookup, request: request)
        take(step, of: nextLookup)
    }

    /// Hands all replies to their lookups.
    ///
    /// - Returns: whether there were any.
    private func deliverArrivals() -> Bool {
        let arrivals = channel.takeArrivals()
        for arrival in arrivals {
            guard let step = running[arrival.lookup]?.lookup.received(arrival.reply, to: arrival.question) else {
                continue
            }
            take(step, of: arrival.lookup)
        }
        return !arrivals.isEmpty
    }

    private func take(_ step: DNSLookupStep, of lookup: Int) {
        switch step {
        case .ask(let questions):
            for question in questions { channel.ask(question, for: lookup) }
        case .done(let result):
            running.removeValue(forKey: lookup)?.request.completion(result)
        }
    }

    /// Takes over changed servers and search lists of the system, between lookups so that none is cut off.
    private func reopenIfSystemChanged() {
        guard configuration.servers.isEmpty || configuration.searchDomains == nil, running.isEmpty,
            system.hasChanged(configuration.systemFile)
        else { return }
        if let fresh = try? DNSChannel(configuration, shortage) {
            channel = fresh
        } else {
            // Tried again with the next lookup.
            system = WatchedFile()
        }
    }
}
