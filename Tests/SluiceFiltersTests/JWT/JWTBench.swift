import NIOCore
import NIOEmbedded
import SluiceConfig
import SluiceCore
import Synchronization
import Testing

@testable import SluiceFilters

/// A `jwt` filter on a loop of its own, with a clock that stands still, and a background that the test answers for.
final class JWTBench {
    let loop = EmbeddedEventLoop()
    let background = FakeBackground()
    let metrics = MetricShard()
    let shared = SharedStates()
    let context: LoopContext
    let filter: any Filter
    private let clock: FakeClock
    private let surroundings: FilterSurroundings

    /// - Parameters:
    ///   - settings: further fields, as YAML in one line: `leeway: 5s, required: false`.
    ///   - keys: a JWK Set as JSON, or `url` for one that is fetched.
    init(_ settings: String = "", keys: Keys, consumers: [String] = []) throws {
        let clock = FakeClock()
        self.clock = clock
        context = LoopContext(
            loop: loop,
            random: RandomSource(seed: 7),
            clock: { .uptimeNanoseconds(UInt64(clock.nanoseconds)) },
            wallClock: { clock.seconds },
            nanoClock: { clock.nanoseconds }
        )
        var gateway = GatewayModel()
        gateway.consumers = consumers.map { ConsumerModel(name: $0, place: .builtIn) }
        surroundings = FilterSurroundings(gateway: gateway, metrics: metrics, background: background, shared: shared)
        shared.begin()
        filter = try Self.make(settings, keys, context, surroundings)
        shared.end()
    }

    enum Keys: Sendable {
        case json(String)
        case url

        fileprivate var yaml: String {
            switch self {
            case .json(let text): "inline: '\(text)'"
            case .url: "url: http://127.0.0.1/keys.json, refresh: 10m, cooldown: 30s"
            }
        }
    }

    private static func make(
        _ settings: String,
        _ keys: Keys,
        _ context: LoopContext,
        _ surroundings: FilterSurroundings
    ) throws -> any Filter {
        let more = settings.isEmpty ? "" : ", \(settings)"
        let audiences = settings.contains("audiences:") ? "" : ", audiences: [orders]"
        let file = JWTFile("jwt: {issuer: \"https://issuer.example\"\(audiences), jwks: {\(keys.yaml)}\(more)}")
        let model = try #require(file.model, "\(file.findings)")
        let configuration = try #require(model.filters.first?.configuration as? any RunnableFilterConfiguration)
        return configuration.makeFilter(FilterResources(loop: context, slot: 0, surroundings: surroundings))
    }

    /// The filter that a reload makes of other settings, in the same process.
    func reloaded(_ settings: String = "", keys: Keys, consumers: [String] = []) throws -> any Filter {
        var gateway = GatewayModel()
        gateway.consumers = consumers.map { ConsumerModel(name: $0, place: .builtIn) }
        var next = surroundings
        next.follow(gateway)
        shared.begin()
        let filter = try Self.make(settings, keys, context, next)
        shared.end()
        return filter
    }

    func advance(by seconds: Int64) {
        clock.advance(by: seconds)
        background.embedded.advanceTime(by: .seconds(seconds))
        loop.run()
    }

    // MARK: - Requests

    /// A request with a token in `Authorization`.
    func request(_ token: String, _ more: [(String, String)] = []) -> TestExchange {
        TestExchange(request: [("Authorization", "Bearer \(token)")] + more)
    }

    /// What the filter says to a token, in one word: `ok`, or the label of the metrics and the status.
    func verdict(_ token: String) -> String { word(filter.onRequest(request(token))) }

    func word(_ verdict: HeadVerdict) -> String {
        switch verdict {
        case .next: "ok"
        case .wait: "wait"
        case .respond(let reply): "\(reply.status) \(reply.error?.code ?? "")"
        }
    }

    // MARK: - Metrics

    func count(_ result: String) -> Int { metrics.counter(JWTCounters.verifications, [result]).current }
    var cacheHits: Int { metrics.counter(JWTCounters.cacheHits).current }
}

/// A configuration with this filter alone and files that exist only here.
struct JWTFile {
    let model: GatewayModel?
    /// `line:column code message`, with ` (help)`.
    let findings: [String]
    let read: [String]

    init(_ filter: String, files: [String: String] = [:], environment: [String: String] = [:]) {
        let text = """
            version: 1
            listeners: [{name: main, address: "127.0.0.1:0"}]
            routes: [{name: all, respond: {status: 200}}]
            filters:
              - \(filter)

            """
        let read = Mutex<[String]>([])
        let loaded = NativeConfiguration.load(
            files: [ConfigFile(path: "conf/case.yaml", text: text)],
            filters: FilterCatalog([JWTConfiguration.self]),
            environment: { environment[$0] },
            readFile: { path in
                read.withLock { $0.append(path) }
                guard let text = files[path] else { throw FileIsMissing() }
                return Array(text.utf8)
            }
        )
        model = loaded.model
        self.read = read.withLock { $0 }
        findings = loaded.diagnostics.sorted.map { finding in
            let help = finding.help.map { " (\($0))" } ?? ""
            return
                "\(finding.span.place.line):\(finding.span.place.column) \(finding.code.rawValue) \(finding.message)\(help)"
        }
    }

    private struct FileIsMissing: Error {}
}

/// Time that stands still until a test moves it.
final class FakeClock: Sendable {
    private let value = Mutex<Int64>(JWTFixtures.now * 1_000_000_000)

    var nanoseconds: Int64 { value.withLock { $0 } }
    var seconds: Int64 { nanoseconds / 1_000_000_000 }
    func advance(by seconds: Int64) { value.withLock { $0 += seconds * 1_000_000_000 } }
}

/// A background whose fetches end when the test says so.
final class FakeBackground: BackgroundServices {
    let embedded = EmbeddedEventLoop()
    var loop: any EventLoop { embedded }
    let metrics = MetricShard()
    private let state = Mutex(State())

    private struct State {
        var pending: [(FetchRequest, @Sendable (Result<FetchAnswer, FetchError>) -> Void)] = []
        var lines: [String] = []
        var total = 0
    }

    func fetch(
        _ request: FetchRequest,
        _ completion: @escaping @Sendable (Result<FetchAnswer, FetchError>) -> Void
    ) {
        state.withLock {
            $0.pending.append((request, completion))
            $0.total += 1
        }
    }

    func log(_ line: String) { state.withLock { $0.lines.append(line) } }

    var lines: [String] { state.withLock { $0.lines } }
    /// Fetches so far, and those without an answer.
    var total: Int { state.withLock { $0.total } }
    var pending: [FetchRequest] { state.withLock { $0.pending.map(\.0) } }

    /// Ends the oldest fetch.
    func answer(_ result: Result<FetchAnswer, FetchError>) throws {
        let completion = state.withLock { $0.pending.isEmpty ? nil : $0.pending.removeFirst().1 }
        let finish = try #require(completion, "nothing is being fetched")
        finish(result)
        embedded.run()
    }

    func answer(_ body: String, status: Int = 200) throws {
        try answer(.success(FetchAnswer(status: status, body: Array(body.utf8))))
    }

    func fail(_ message: String = "gone") throws { try answer(.failure(FetchError(message))) }
}
