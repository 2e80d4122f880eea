import SluiceCore
import SluiceFilters
import SluiceUpstream

/// What is known of an exchange when it has ended.
struct RouteOutcome {
    /// Tells the upstream from others of the same snapshot; 0: none.
    var upstream: UInt
    /// What the client got, or what stands for the reason; 0: nothing.
    var status: UInt16
    var error: GatewayError?
    /// nil: no call of gRPC.
    var grpcStatus: GRPCCode?
    /// What was called, where the gateway itself has made the call, or something else of it.
    var called: CalledMethod?
    /// nil: nobody took the time.
    var nanoseconds: Int64?
    var requestBytes: UInt64
    var responseBytes: UInt64
}

/// What a route is called in metrics.
struct RouteLabels {
    var route: String
    /// What of gRPC it is for, where it says so; others are not told apart, since whoever calls chooses their names.
    var service = RouteMetrics.none
    var method = RouteMetrics.none
}

/// What one loop counts about one route of one snapshot; comes into being with the first request of the route.
///
/// The series outlive the snapshot, and the next one finds them again by their labels. Isolation: the loop.
final class RouteMetrics {
    private enum Families {
        static let requests = MetricFamily(
            "sluice_requests_total",
            .counter,
            help: "Finished requests by route, upstream, class of the status and reason code; - stands for none.",
            labels: ["route", "upstream", "status", "reason"],
            seriesLimit: 50_000
        )
        static let duration = MetricFamily(
            "sluice_request_duration_seconds",
            .histogram,
            help: "From the whole request head to the end of the exchange.",
            labels: ["route"],
            seriesLimit: 20_000
        )
        static let requestBytes = MetricFamily(
            "sluice_request_body_bytes_total",
            .counter,
            help: "Bytes of request bodies that came from clients, without framing.",
            labels: ["route"],
            seriesLimit: 20_000
        )
        static let responseBytes = MetricFamily(
            "sluice_response_body_bytes_total",
            .counter,
            help: "Bytes of response bodies that were sent to clients, without framing.",
            labels: ["route"],
            seriesLimit: 20_000
        )
        static let calls = MetricFamily(
            "sluice_grpc_requests_total",
            .counter,
            help:
                "Finished calls of gRPC by route, service and method as the route or a descriptor has them, and status.",
            labels: ["route", "service", "method", "status"],
            seriesLimit: 50_000
        )
    }

    /// What stands for a route, upstream or reason that is not there.
    static let none = "-"

    private let shard: MetricShard
    private let labels: RouteLabels
    /// Few enough to look at one after the other: a route has a handful of upstreams and outcomes.
    private var requests: ContiguousArray<(upstream: UInt, outcome: UInt32, counter: Counter)> = []
    private let duration: Histogram
    private let requestBytes: Counter
    private let responseBytes: Counter
    /// By status.
    private var calls = CallCounters()
    /// Of calls that were translated: their methods are known, and those of a descriptor set are not many.
    private var translated: [CalledMethod: CallCounters] = [:]
    /// Servers that are asked by reflection may name others each time.
    private static let methodLimit = 4096

    init(_ shard: MetricShard, _ labels: RouteLabels) {
        self.shard = shard
        self.labels = labels
        let route = labels.route
        duration = shard.histogram(Families.duration, [route])
        requestBytes = shard.counter(Families.requestBytes, [route])
        responseBytes = shard.counter(Families.responseBytes, [route])
    }

    /// Counts one exchange that has ended. Allocates: only for the first one of its kind.
    ///
    /// `upstreamName` is asked for then, too.
    @inline(__always)
    func record(_ outcome: RouteOutcome, upstreamName: () -> String) {
        let key = UInt32(outcome.status / 100) << 16 | UInt32(outcome.error?.rawValue ?? 0xFF)
        count(outcome.upstream, key, upstreamName)
        if let status = outcome.grpcStatus { count(status, outcome.called) }
        if let nanoseconds = outcome.nanoseconds { duration.record(nanoseconds: nanoseconds) }
        if outcome.requestBytes > 0 { requestBytes.increment(by: Int(truncatingIfNeeded: outcome.requestBytes)) }
        if outcome.responseBytes > 0 { responseBytes.increment(by: Int(truncatingIfNeeded: outcome.responseBytes)) }
    }

    @inline(__always)
    private func count(_ upstream: UInt, _ key: UInt32, _ name: () -> String) {
        for i in requests.indices where requests[i].outcome == key && requests[i].upstream == upstream {
            return requests[i].counter.increment()
        }
        add(upstream, key, upstream == 0 ? Self.none : name())
    }

    private func count(_ status: GRPCCode, _ called: CalledMethod?) {
        guard let called, translated[called] != nil || translated.count < Self.methodLimit else {
            return calls.count(status) { counter(status, labels.service, labels.method) }
        }
        translated[called, default: CallCounters()].count(status) { counter(status, called.service, called.method) }
    }

    private func counter(_ status: GRPCCode, _ service: String, _ method: String) -> Counter {
        shard.counter(Families.calls, [labels.route, service, method, status.name])
    }

    private func add(_ upstream: UInt, _ key: UInt32, _ name: String) {
        let status = key >> 16
        let reason = GatewayError(rawValue: UInt8(truncatingIfNeeded: key))?.code
        let values = [labels.route, name, status == 0 ? Self.none : "\(status)xx", reason ?? Self.none]
        let counter = shard.counter(Families.requests, values)
        requests.append((upstream, key, counter))
        counter.increment()
    }
}

/// The counters of one method, by status.
private struct CallCounters {
    private var counters: ContiguousArray<Counter?> = []

    mutating func count(_ status: GRPCCode, make: () -> Counter) {
        let place = Int(status.rawValue)
        if counters.isEmpty { counters = ContiguousArray(repeating: nil, count: GRPCCode.allCases.count) }
        guard counters.indices.contains(place) else { return }
        let counter = counters[place] ?? make()
        counters[place] = counter
        counter.increment()
    }
}

/// The metrics of all routes of a snapshot on one loop, by the place of the route; the last one is of no route.
struct RouteMetricsTable {
    /// nil: nobody can read them, so nothing is counted.
    private let shard: MetricShard?
    private var routes: ContiguousArray<RouteMetrics?>

    init(_ shard: MetricShard?, routes count: Int) {
        self.shard = shard
        routes = shard == nil ? [] : ContiguousArray(repeating: nil, count: count + 1)
    }

    var isOn: Bool { shard != nil }

    /// The one of a route, which is made if it is not there; nil when nothing is counted.
    @inline(__always)
    mutating func metrics(ofRoute index: Int, labels: () -> RouteLabels) -> RouteMetrics? {
        let place = index >= 0 ? index : routes.count - 1
        guard routes.indices.contains(place) else { return nil }
        return routes[place] ?? make(place, index >= 0 ? labels() : RouteLabels(route: RouteMetrics.none))
    }

    private mutating func make(_ place: Int, _ labels: RouteLabels) -> RouteMetrics? {
        guard let shard else { return nil }
        let metrics = RouteMetrics(shard, labels)
        routes[place] = metrics
        return metrics
    }
}
