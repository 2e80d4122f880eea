import NIOCore
import SluiceCore
import Synchronization

/// Where keys are fetched from, and how often.
struct RemoteKeySource: Hashable, Sendable {
    var url: FetchURL
    var refresh = TimeAmount.minutes(10)
    var cooldown = TimeAmount.seconds(30)
    var timeout = TimeAmount.seconds(5)
    var algorithms: [JWTAlgorithm]
}

/// Fetches the keys of a URL for a `KeyStore`, in the background. Isolation: any thread.
final class RemoteKeys: Sendable {
    private let source: RemoteKeySource
    private let background: any BackgroundServices
    private let refresh: Mutex<KeyRefresh>
    private let report: KeyReport

    init(_ source: RemoteKeySource, _ background: any BackgroundServices, wallClock: @escaping @Sendable () -> Int64) {
        self.source = source
        self.background = background
        refresh = Mutex(KeyRefresh(interval: source.refresh, cooldown: source.cooldown))
        report = KeyReport(source.url, background, wallClock)
    }

    func ask(_ reason: KeyStore.Reason, now: NIODeadline) -> KeyRefresh.Answer {
        refresh.withLock { refresh in
            switch reason {
            case .noKeys: refresh.withoutKeys
            case .unknownKey: refresh.keyIsUnknown(now: now)
            }
        }
    }

    /// Starts a fetch; the store is told of its end.
    func fetch(for store: KeyStore) {
        var request = FetchRequest(source.url)
        request.fields = [(name: "Accept", value: "application/jwk-set+json, application/json")]
        request.timeout = source.timeout
        request.answerLimit = KeySet.limits.bytes
        background.fetch(request) { [weak store, source, report] result in
            let outcome = Self.read(result, source)
            report.fetched(outcome)
            store?.publish(try? outcome.get())
        }
    }

    /// A fetch has ended: sets the timer for the next one.
    func endFetch(wasGood: Bool, for store: KeyStore) {
        let (pause, number) = refresh.withLock { refresh in
            let pause = refresh.ended(wasGood: wasGood)
            return (pause, refresh.timer)
        }
        // The store ends with the configurations that use it, and the timers of one that has ended do nothing.
        background.loop.scheduleTask(in: pause) { [weak store] in store?.timerFired(number) }
    }

    /// - Returns: whether it is time for a fetch.
    func timerFired(_ number: Int) -> Bool { refresh.withLock { $0.timerFired(number) } }

    private static func read(
        _ result: Result<FetchAnswer, FetchError>,
        _ source: RemoteKeySource
    ) -> Result<KeySet, KeySet.Problem> {
        switch result {
        case .failure(let error): return .failure(KeySet.Problem(text: "could not be fetched: \(error.message)"))
        case .success(let answer):
            guard answer.status == 200 else {
                return .failure(KeySet.Problem(text: "could not be fetched: the answer was \(answer.status)"))
            }
            do throws(KeySet.Problem) {
                return .success(try KeySet(json: answer.body, allowed: source.algorithms))
            } catch {
                return .failure(error)
            }
        }
    }
}

/// Tells operators and metrics how fetching goes. Isolation: the background's loop.
final class KeyReport: Sendable {
    static let fetches = MetricFamily(
        "sluice_jwks_fetches_total",
        .counter,
        help: "Fetches of key sets.",
        labels: ["url", "result"],
        seriesLimit: 1000
    )
    static let fetchedAt = MetricFamily(
        "sluice_jwks_fetched_timestamp_seconds",
        .gauge,
        help: "When a key set was last fetched, in seconds since 1970.",
        labels: ["url"],
        seriesLimit: 1000
    )
    static let keys = MetricFamily(
        "sluice_jwks_keys",
        .gauge,
        help: "Keys in the set that is in use.",
        labels: ["url"],
        seriesLimit: 1000
    )

    private let url: FetchURL
    private let background: any BackgroundServices
    private let wallClock: @Sendable () -> Int64
    private let good: Counter
    private let failed: Counter
    private let fetchedAt: Counter
    private let keys: Counter
    private let last = Mutex<String?>(nil)

    init(_ url: FetchURL, _ background: any BackgroundServices, _ wallClock: @escaping @Sendable () -> Int64) {
        self.url = url
        self.background = background
        self.wallClock = wallClock
        // A query may hold a secret.
        let name = String(url.text.prefix { $0 != "?" })
        good = background.metrics.counter(Self.fetches, [name, "ok"])
        failed = background.metrics.counter(Self.fetches, [name, "failed"])
        fetchedAt = background.metrics.counter(Self.fetchedAt, [name])
        keys = background.metrics.counter(Self.keys, [name])
    }

    func fetched(_ outcome: Result<KeySet, KeySet.Problem>) {
        let lines: [String]
        switch outcome {
        case .success(let set):
            good.increment()
            fetchedAt.increment(by: Int(wallClock()) - fetchedAt.current)
            keys.increment(by: set.keys.count - keys.current)
            lines = set.warnings.map { "is left without one: \($0)" }
        case .failure(let problem):
            failed.increment()
            lines = [problem.text]
        }
        say(lines)
    }

    /// Nothing is said twice in a row, and that all is well again only after something was wrong.
    private func say(_ lines: [String]) {
        let text = lines.joined(separator: "\n")
        let previous = last.withLock { last in
            let previous = last
            last = text
            return previous
        }
        guard text != previous ?? "" else { return }
        let name = "the JWK Set \(String(url.text.prefix { $0 != "?" }))"
        if text.isEmpty { return background.log("\(name) is fine again") }
        for line in lines { background.log("\(name) \(line)") }
    }
}
