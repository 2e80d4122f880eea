internal import NIOCore
internal import SluiceConfig
internal import SluiceCore

/// Resolves a service name (RFC 2782) to addresses with ports, priorities and weights.
///
/// Addresses of a target are taken from the hosts file, else from what came along with the reply, else asked for. A
/// target without an address is left out; one whose servers fail leaves a gap.
///
/// A value without I/O; `DNSResolver` asks its questions. Replies to questions that are not out are ignored.
struct ServiceLookup: Sendable {
    /// Later records of a longer reply are left out, those of the best priority last.
    static let largestServiceCount = 256

    private let family: DNSModel.Family
    private let candidates: [String]
    private let hosts: HostsFile
    private var current = 0
    private var services: [DNSMessage.Service] = []
    private var isAskingForServices = true
    /// By target: those still asked for, and what the others have.
    private var lookups: [String: HostLookup] = [:]
    private var found: [String: Result<DNSAnswer, DNSError>] = [:]

    init(_ name: String, family: DNSModel.Family, search: DNSSearchList, hosts: HostsFile) {
        self.family = family
        self.candidates = search.candidates(for: name)
        self.hosts = hosts
    }

    /// The first step.
    mutating func start() -> DNSLookupStep {
        candidates.isEmpty ? .done(.failure(.badName)) : askCurrent()
    }

    /// Takes in the reply to one question.
    mutating func received(_ reply: DNSReply, to question: DNSQuestion) -> DNSLookupStep {
        guard question.type == .srv else { return receivedAddresses(reply, to: question) }
        guard isAskingForServices, current < candidates.count, question.name == candidates[current] else {
            return .ask([])
        }
        do {
            let message = try reply.get()
            let all = try message.services(of: question.name)
            guard !all.isEmpty else { return tryNext() }
            isAskingForServices = false
            services = Self.best(all)
            return resolveTargets(message)
        } catch DNSError.notFound {
            return tryNext()
        } catch {
            return finish(.failure(error))
        }
    }

    private func askCurrent() -> DNSLookupStep {
        .ask([DNSQuestion(name: candidates[current], type: .srv)])
    }

    private mutating func tryNext() -> DNSLookupStep {
        current += 1
        return current < candidates.count ? askCurrent() : finish(.failure(.notFound))
    }

    private mutating func finish(_ result: Result<DNSAnswer, DNSError>) -> DNSLookupStep {
        isAskingForServices = false
        return .done(result)
    }

    /// The records that can be used, best priority first. A target "." says that there is no such service.
    private static func best(_ services: [DNSMessage.Service]) -> [DNSMessage.Service] {
        let usable = services.filter { !$0.target.isEmpty && $0.port != 0 }
        return Array(usable.sorted { $0.priority < $1.priority }.prefix(largestServiceCount))
    }

    // MARK: - Targets

    private mutating func resolveTargets(_ message: DNSMessage) -> DNSLookupStep {
        var questions: [DNSQuestion] = []
        for target in Set(services.map(\.target)) {
            if let answer = bundledAnswer(message, target) {
                found[target] = .success(answer)
                continue
            }
            var lookup = HostLookup(
                target + ".",
                family: family,
                search: DNSSearchList(dots: 0, domains: []),
                hosts: hosts
            )
            switch lookup.start() {
            case .ask(let more):
                questions += more
                lookups[target] = lookup
            case .done(let result):
                found[target] = result
            }
        }
        return lookups.isEmpty ? .done(assemble()) : .ask(questions)
    }

    /// What the reply itself says of a target's addresses; nil when it says nothing, or the hosts file knows better.
    private func bundledAnswer(_ message: DNSMessage, _ target: String) -> DNSAnswer? {
        guard hosts.addresses(of: target).isEmpty else { return nil }
        // The reply proper was fine; what came along counts only if it can be read.
        let v4 = (try? message.additionalAddresses(of: target, .a)) ?? []
        let v6 = (try? message.additionalAddresses(of: target, .aaaa)) ?? []
        let records = (v4 + v6).filter { family.includes($0.address) }.map {
            DNSRecord(target: target, address: $0.address, ttl: .seconds(Int64($0.ttl)))
        }
        return records.isEmpty ? nil : DNSAnswer(records: records)
    }

    private mutating func receivedAddresses(_ reply: DNSReply, to question: DNSQuestion) -> DNSLookupStep {
        guard var lookup = lookups.removeValue(forKey: question.name) else { return .ask([]) }
        switch lookup.received(reply, to: question) {
        case .ask(let more):
            lookups[question.name] = lookup
            return .ask(more)
        case .done(let result):
            found[question.name] = result
            return lookups.isEmpty ? .done(assemble()) : .ask([])
        }
    }

    // MARK: - Result

    private func assemble() -> Result<DNSAnswer, DNSError> {
        var answer = DNSAnswer(records: [])
        for service in services where answer.records.count < DNSAnswer.largestCount {
            switch found[service.target] {
            case .success(let host):
                answer.records += host.records.map { Self.record(service, $0) }
                answer.gaps += host.gaps.map {
                    DNSGap(target: $0.target, port: service.port, isV4: $0.isV4, error: $0.error)
                }
            case .failure(let error) where error != .notFound && error != .badName:
                answer.gaps += Self.gaps(service, family, error)
            case .failure, nil:
                break
            }
        }
        guard !answer.records.isEmpty else { return .failure(answer.gaps.first?.error ?? .notFound) }
        answer.records = Array(answer.records.prefix(DNSAnswer.largestCount))
        return .success(answer)
    }

    private static func record(_ service: DNSMessage.Service, _ host: DNSRecord) -> DNSRecord {
        DNSRecord(
            target: host.target,
            address: host.address,
            port: service.port,
            priority: service.priority,
            weight: service.weight,
            ttl: min(host.ttl, .seconds(Int64(service.ttl)))
        )
    }

    private static func gaps(_ service: DNSMessage.Service, _ family: DNSModel.Family, _ error: DNSError) -> [DNSGap] {
        var gaps: [DNSGap] = []
        if family != .v6 { gaps.append(DNSGap(target: service.target, port: service.port, isV4: true, error: error)) }
        if family != .v4 { gaps.append(DNSGap(target: service.target, port: service.port, isV4: false, error: error)) }
        return gaps
    }
}
