package import NIOCore
package import SluiceConfig
import SluiceCore

/// Keeps a gateway's configuration in step with its files.
///
/// Looks at the files every half second: simple, the same on every file system, and a handful of system calls. Nothing is
/// read while nothing changed, and nothing is rebuilt when the bytes are the same.
///
/// Isolation: one thread, which reads, builds and swaps one after the other, so that what older bytes say never replaces
/// what newer ones do.
package final class ConfigurationWatch {
    /// What happened to one attempt.
    package enum Outcome: Equatable, Sendable {
        /// The files hold the same bytes as before.
        case unchanged
        case reloaded
        /// The configuration is wrong or cannot run; the old one stays.
        case rejected
    }

    private let source: ConfigurationSource
    private let takeOver: (GatewayModel) throws -> Void
    private let log: (String) -> Void
    private let clock: @Sendable () -> NIODeadline
    private var last: ConfigurationSource.Loaded
    /// What came of the last reload, in one sentence.
    package private(set) var message = ""
    /// What was wrong with the files then, as a JSON array.
    package var findings: String { last.findings }
    private var detector: ChangeDetector<FileSignature>
    /// The detector knows the files only from after they were read: what was written in between it cannot see.
    private var isUnsure = true

    /// - Parameters:
    ///   - source: where the files are.
    ///   - loaded: what runs now.
    ///   - pause: between two looks.
    ///   - stability: how long files must hold still before they are read.
    ///   - clock: monotonic time.
    ///   - log: takes text for operators: a line, or a report of several.
    ///   - takeOver: makes a configuration the running one, or throws and changes nothing.
    package init(
        _ source: ConfigurationSource,
        running loaded: ConfigurationSource.Loaded,
        pause: TimeAmount = .milliseconds(500),
        stability: TimeAmount = .milliseconds(200),
        clock: @escaping @Sendable () -> NIODeadline = SystemClock.monotonic,
        log: @escaping (String) -> Void,
        takeOver: @escaping (GatewayModel) throws -> Void
    ) {
        self.source = source
        self.takeOver = takeOver
        self.log = log
        self.clock = clock
        last = loaded
        last.model = nil
        detector = ChangeDetector(FileSignature(of: loaded.paths), pause: pause, stability: stability)
    }

    /// How long to wait for the next `look`.
    package var nextLook: TimeAmount { detector.nextLook }

    /// Looks at the files, and reloads when they have changed and held still.
    ///
    /// - Returns: nil when it was not time to read them.
    @discardableResult
    package func look() -> Outcome? {
        if isUnsure {
            isUnsure = false
            if source.fingerprint(like: last) != last.fingerprint { detector.disturb(at: clock()) }
        }
        guard detector.observe(FileSignature(of: last.paths), at: clock()) else { return nil }
        guard source.fingerprint(like: last) != last.fingerprint else { return .unchanged }
        return reload()
    }

    /// Reads the files and takes over what they say, changed or not: for `SIGHUP`.
    @discardableResult
    package func reload() -> Outcome {
        let began = clock()
        detector.settle(FileSignature(of: last.paths))
        var loaded = source.load()
        let model = loaded.model
        loaded.model = nil
        if loaded.paths != last.paths {
            detector.settle(FileSignature(of: loaded.paths))
            isUnsure = true
        }
        last = loaded
        if !loaded.report.isEmpty { log(loaded.report) }
        guard let model else {
            return rejected(loaded.problem ?? Plural.of(loaded.errorCount, "error"))
        }
        do {
            try takeOver(model)
        } catch {
            // The same bytes may be fine later: an address may have become free.
            last.fingerprint = ContentFingerprint()
            return rejected((error as? StartError)?.message ?? "\(error)")
        }
        let milliseconds = (clock() - began).nanoseconds / 1_000_000
        let routes = Plural.of(model.routes.count, "route")
        message = "reloaded: \(routes), \(Plural.of(model.upstreams.count, "upstream")) (\(milliseconds) ms)"
        log(message)
        return .reloaded
    }

    private func rejected(_ reason: String) -> Outcome {
        message = "not reloaded: \(reason), the running configuration stays"
        log(message)
        return .rejected
    }
}
