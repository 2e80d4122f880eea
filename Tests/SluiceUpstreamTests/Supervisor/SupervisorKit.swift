import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import Synchronization

@testable import SluiceUpstream

/// Health checks that a test answers by hand, or that answer by themselves.
final class FakeProber: Prober {
    struct Open {
        let order: ProbeOrder
        let done: (ProbeResult) -> Void
        let begin: NIODeadline
    }

    private let loop: any EventLoop
    /// nil: checks stay open until `answer`.
    var automatic: ((ProbeOrder) -> ProbeResult)?
    private(set) var open: [Open] = []
    private(set) var begins: [NIODeadline] = []
    private(set) var largestOpenCount = 0

    init(loop: any EventLoop) { self.loop = loop }

    func probe(_ order: ProbeOrder, done: @escaping (ProbeResult) -> Void) {
        begins.append(loop.now)
        if let automatic { return done(automatic(order)) }
        open.append(Open(order: order, done: done, begin: loop.now))
        largestOpenCount = max(largestOpenCount, open.count)
    }

    func answer(_ result: ProbeResult) {
        guard !open.isEmpty else { return }
        open.removeFirst().done(result)
    }
}

/// Names that stand for what a test says. Answers come when the test lets them.
final class FakeResolver: NameResolver {
    typealias Done = @Sendable (Result<DNSAnswer, DNSError>) -> Void

    private(set) var questions: [String] = []
    private(set) var servers: Set<[String]> = []
    private var open: [(name: String, done: Done)] = []

    func resolveHost(_ name: String, _ dns: DNSModel, done: @escaping Done) { ask(name, done) }
    func resolveService(_ name: String, _ dns: DNSModel, done: @escaping Done) { ask(name, done) }
    func keep(servers: Set<[String]>) { self.servers = servers }

    private func ask(_ name: String, _ done: @escaping Done) {
        questions.append(name)
        open.append((name, done))
    }

    /// Answers the oldest open question for a name.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    func answer(_ name: String, _ result: Result<DNSAnswer, DNSError>) -> Bool {
        guard let i = open.firstIndex(where: { $0.name == name }) else { return false }
        open.remove(at: i).done(result)
        return true
    }

    func answer(_ name: String, with addresses: String..., ttl: TimeAmount = .seconds(60)) {
        let records = addresses.compactMap { IPAddress($0) }.map { DNSRecord(target: name, address: $0, ttl: ttl) }
        answer(name, .success(DNSAnswer(records: records)))
    }
}

/// Takes lines from any thread.
final class LineLog: Sendable {
    private let lines = Mutex<[String]>([])
    var text: [String] { lines.withLock { $0 } }
    func write(_ line: String) { lines.withLock { $0.append(line) } }
}

/// A supervision on a loop whose time stands still until the test moves it.
final class SupervisorKit {
    let loop = EmbeddedEventLoop()
    let prober: FakeProber
    let resolver = FakeResolver()
    let log = LineLog()
    let supervision: UpstreamSupervision
    private let publications: Publications

    /// What was published, oldest first.
    private final class Publications {
        var all: [(upstream: String, endpoints: PublishedEndpoints)] = []
    }

    init(probes: Int = 128) {
        let log = log
        prober = FakeProber(loop: loop)
        let publications = Publications()
        self.publications = publications
        let context = SupervisorContext(
            loop: loop,
            prober: prober,
            random: RandomSource(seed: 7),
            probes: probes,
            log: { log.write($0) }
        )
        supervision = UpstreamSupervision(context, resolver: resolver) { publications.all.append(($0, $1)) }
    }

    deinit { supervision.stop() }

    var publicationCount: Int { publications.all.count }

    /// Takes over a configuration as a reload does.
    @discardableResult
    func apply(_ models: UpstreamModel...) -> [UpstreamSupervision.Entry] {
        let entries = supervision.apply(models)
        loop.run()
        return entries
    }

    /// Lets everything happen that is due now.
    func settle() { loop.run() }

    func advance(_ amount: TimeAmount) { loop.advanceTime(by: amount) }

    /// What was published last for an upstream.
    func last(_ upstream: String = "app") -> PublishedEndpoints? {
        publications.all.last { $0.upstream == upstream }?.endpoints
    }
}

extension PublishedEndpoints {
    /// `10.0.0.1:80 x2 !` for an endpoint of weight 2 that is not usable.
    var text: [String] {
        plan.endpoints.map { endpoint in
            let name = String(decoding: endpoint.hashKey, as: UTF8.self)
            let weight = endpoint.weight == 1 ? "" : " x\(endpoint.weight)"
            let priority = endpoint.priority == 0 ? "" : " p\(endpoint.priority)"
            return name + weight + priority + (endpoint.isUsable ? "" : " !")
        }
    }

    var hosts: [String] { states.map { String(decoding: $0.key.hostField, as: UTF8.self) } }

    var ids: [Int] { states.map(\.id) }
}

enum Make {
    static func upstream(_ name: String = "app", _ addresses: EndpointAddress...) -> UpstreamModel {
        var model = UpstreamModel(name: name, place: .builtIn)
        model.endpoints = addresses.map { EndpointModel(address: $0, place: .builtIn) }
        return model
    }

    static func ip(_ text: String, _ port: Int = 8080) -> EndpointAddress {
        .ip(IPAddress(text) ?? IPAddress(v4: 0), port: port)
    }

    static func check(
        interval: TimeAmount = .seconds(10),
        timeout: TimeAmount = .seconds(2),
        healthy: Int = 1,
        unhealthy: Int = 1
    ) -> HealthCheckModel {
        var model = HealthCheckModel(probe: .tcp)
        model.interval = interval
        model.timeout = timeout
        model.healthyThreshold = healthy
        model.unhealthyThreshold = unhealthy
        return model
    }
}
