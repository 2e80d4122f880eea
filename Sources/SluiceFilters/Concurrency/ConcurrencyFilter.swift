import NIOCore
import SluiceCore

/// Counts a request when it comes and forgets it when it has ended. Isolation: one loop. Allocates: permits until there
/// are as many as requests at once, and for a refusal.
final class ConcurrencyFilter: Filter {
    private static let decisions = MetricFamily(
        "sluice_concurrency_decisions_total",
        .counter,
        help: "Requests that a limit of requests at once looked at, by what it decided.",
        labels: ["limit", "decision"]
    )
    /// Permits of this loop that are kept for the next requests.
    private static let spareLimit = 1024

    private let configuration: ConcurrencyConfiguration
    private let key: RequestKey
    private let secret: SipKey
    private let places: PermitPlaces
    private let limit: Int
    private let slot: Int
    private let refusal: LocalReply
    private let admitted: Counter
    private let refused: Counter
    private var spare: ContiguousArray<Permit> = []
    /// Keeps the memory of `places`.
    private let table: PermitTable

    init(_ configuration: ConcurrencyConfiguration, _ resources: FilterResources) {
        self.configuration = configuration
        key = RequestKey(configuration.parts, ipv6Prefix: configuration.ipv6Prefix)
        // A limit may change and keep its counts; what is counted may not.
        let what = configuration.parts.map(\.text).joined(separator: " ")
        let name = "\(resources.identity) \(what)/\(configuration.ipv6Prefix) \(configuration.maxKeys)"
        table = resources.shared(name) { PermitTable(capacity: configuration.maxKeys) }
        places = table.places
        secret = table.secret
        limit = configuration.limit
        slot = resources.slot
        var refusal = LocalReply(.concurrencyExceeded)
        refusal.status = UInt16(clamping: configuration.status)
        let seconds = configuration.retryAfter.nanoseconds / 1_000_000_000
        refusal.fields = [(name: Array("Retry-After".utf8), value: Array(String(seconds).utf8))]
        self.refusal = refusal
        admitted = resources.metrics.counter(Self.decisions, [resources.identity, "admitted"])
        refused = resources.metrics.counter(Self.decisions, [resources.identity, "refused"])
    }

    func onRequest(_ exchange: ExchangeContext) -> HeadVerdict {
        guard let hash = key.hash(of: exchange, secret) else {
            switch configuration.missing {
            case .skip: return .next
            case .refuse: return .respond(LocalReply(.consumerForbidden))
            case .ip: return admit(exchange, key.addressHash(of: exchange, secret))
            }
        }
        return admit(exchange, hash)
    }

    private func admit(_ exchange: ExchangeContext, _ hash: (low: UInt64, high: UInt64)) -> HeadVerdict {
        guard exchange.slots.indices.contains(slot), let place = places.acquire(hash, limit: limit) else {
            refused.increment()
            return .respond(refusal)
        }
        admitted.increment()
        let permit = spare.popLast() ?? Permit()
        permit.place = place
        exchange.slots[slot] = permit
        return .next
    }

    var wantsEnd: Bool { true }

    /// The engine calls this once; the slot is emptied all the same, so that nothing can be counted down twice.
    func onEnd(_ exchange: ExchangeContext) {
        guard exchange.slots.indices.contains(slot), let permit = exchange.slots[slot] as? Permit else { return }
        exchange.slots[slot] = nil
        places.release(permit.place)
        if spare.count < Self.spareLimit { spare.append(permit) }
    }

    /// Where a request under way was counted.
    private final class Permit {
        var place = 0
    }
}
