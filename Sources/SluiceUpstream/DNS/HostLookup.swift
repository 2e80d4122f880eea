internal import NIOCore
internal import SluiceConfig
internal import SluiceCore

/// What came back for one question: a message, or why there is none. A name without such records is `.notFound`.
typealias DNSReply = Result<DNSMessage, DNSError>

/// What a lookup does next.
enum DNSLookupStep: Sendable {
    /// Ask these too; none: wait for the replies still out.
    case ask([DNSQuestion])
    case done(Result<DNSAnswer, DNSError>)
}

/// Resolves one host name to addresses: hosts file, then each name of the search list with both families at once.
///
/// A name of the search list counts when it has an address of any family, and the next is tried only when it certainly
/// has none: a server that fails must not lead to a different host that happens to exist further down the list. When
/// one family has addresses and the other failed, the answer says so with a gap.
///
/// A value without I/O; `DNSResolver` asks its questions. Replies to questions that are not out are ignored.
struct HostLookup: Sendable {
    /// What is known of one family for the current candidate.
    private enum Part: Sendable {
        case notAsked
        case asked
        case found([DNSMessage.Address])
        case failed(DNSError)
    }

    private let target: String
    private let family: DNSModel.Family
    private let known: [IPAddress]
    private let candidates: [String]
    private var current = 0
    private var v4 = Part.notAsked
    private var v6 = Part.notAsked

    init(_ name: String, family: DNSModel.Family, search: DNSSearchList, hosts: HostsFile) {
        self.family = family
        if let literal = IPAddress(name) {
            target = name
            known = [literal]
            candidates = []
            return
        }
        target = DNSName.normalized(name) ?? name
        known = hosts.addresses(of: target).filter { family.includes($0) }
        candidates = search.candidates(for: name)
    }

    /// The first step.
    mutating func start() -> DNSLookupStep {
        if !known.isEmpty {
            return .done(.success(DNSAnswer(records: known.map { record($0, ttl: 0) })))
        }
        if candidates.isEmpty { return .done(.failure(.badName)) }
        if DNSName.isLocalhost(target) { return .done(.failure(.notFound)) }
        return askCurrent()
    }

    /// Takes in the reply to one question.
    mutating func received(_ reply: DNSReply, to question: DNSQuestion) -> DNSLookupStep {
        guard current < candidates.count, question.name == candidates[current] else { return .ask([]) }
        switch (question.type, v4, v6) {
        case (.a, .asked, _): v4 = Self.part(reply, question)
        case (.aaaa, _, .asked): v6 = Self.part(reply, question)
        default: return .ask([])
        }
        if case .asked = v4 { return .ask([]) }
        if case .asked = v6 { return .ask([]) }
        return conclude()
    }

    private mutating func askCurrent() -> DNSLookupStep {
        v4 = family == .v6 ? .notAsked : .asked
        v6 = family == .v4 ? .notAsked : .asked
        let types: [DNSRecordType] =
            switch family {
            case .any: [.a, .aaaa]
            case .v4: [.a]
            case .v6: [.aaaa]
            }
        return .ask(types.map { DNSQuestion(name: candidates[current], type: $0) })
    }

    /// All replies for the current candidate are in.
    private mutating func conclude() -> DNSLookupStep {
        var records: [DNSRecord] = []
        var gaps: [DNSGap] = []
        for (part, isV4) in [(v4, true), (v6, false)] {
            switch part {
            case .found(let addresses): records += addresses.map { record($0.address, ttl: $0.ttl) }
            case .failed(let error): gaps.append(DNSGap(target: target, isV4: isV4, error: error))
            case .notAsked, .asked: break
            }
        }
        if !records.isEmpty {
            return .done(.success(DNSAnswer(records: Array(records.prefix(DNSAnswer.largestCount)), gaps: gaps)))
        }
        if let gap = gaps.first { return .done(.failure(gap.error)) }
        current += 1
        return current < candidates.count ? askCurrent() : .done(.failure(.notFound))
    }

    private static func part(_ reply: DNSReply, _ question: DNSQuestion) -> Part {
        do {
            return .found(try reply.get().addresses(of: question.name, question.type))
        } catch DNSError.notFound {
            return .found([])
        } catch {
            return .failed(error)
        }
    }

    private func record(_ address: IPAddress, ttl: UInt32) -> DNSRecord {
        DNSRecord(target: target, address: address, ttl: .seconds(Int64(ttl)))
    }
}

extension DNSModel.Family {
    /// Whether addresses of this kind are wanted.
    func includes(_ address: IPAddress) -> Bool {
        switch self {
        case .any: true
        case .v4: address.isV4
        case .v6: !address.isV4
        }
    }
}
