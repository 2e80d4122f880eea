import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy

/// `sluice run`: a gateway that follows its files and the signals of its operator until it is told to stop.
///
/// Exit status: 0 when it stopped as told, 1 when it could not start, 128 and the number of the signal when a second
/// one made it stop at once.
package struct RunCommand: Sendable {
    /// Files and folders of the configuration.
    package var configuration: [String]
    /// Overrides the address of the listener.
    package var listen: String?
    /// Overrides the address of the admin API, or brings it about.
    package var admin: String?
    package var workers: Int?
    /// The Unix socket over which a later process takes the listening sockets over.
    package var takeover: String?

    package init(_ configuration: [String]) { self.configuration = configuration }

    /// Runs until it is told to stop. Isolation: the main thread, before any other exists.
    ///
    /// - Returns: the exit status.
    package func run() -> Int32 {
        Signals.block()
        let notifier = ServiceNotifier.fromEnvironment()
        do throws(StartError) {
            return try serve(notifier)
        } catch {
            OperatorLog.note("error: \(error.message)")
            return 1
        }
    }

    private func serve(_ notifier: ServiceNotifier) throws(StartError) -> Int32 {
        let source = ConfigurationSource(
            configuration,
            listen: try Self.address(listen, of: "--listen"),
            admin: try Self.address(admin, of: "--admin")
        )
        var loaded = source.load()
        OperatorLog.write(loaded.report)
        guard let model = loaded.model else { return 1 }
        guard !model.listeners.isEmpty else {
            throw StartError(
                "there is nothing to listen on: add 'listeners' to the configuration, or run with --listen"
            )
        }
        loaded.model = nil
        let events = RunEvents()
        try Signals.listen { request in
            switch request {
            case .stop: events.post(.stop)
            case .reload: events.post(.reload)
            case .reopenLogs: events.post(.reopenLogs)
            }
        }
        if let complaint = DescriptorLimit.complaint(DescriptorLimit.raise(), for: model) {
            OperatorLog.note("warning: \(complaint)")
        }
        let gateway = try start(model, events)
        let server = try takeover.map { path throws(StartError) in
            try TakeoverServer.start(at: path, gateway, log: OperatorLog.note) { events.post(.handedOver) }
        }
        // It reads files from now on.
        ThreadPriority.takeWhatIsLeft()
        let list = gateway.listeners.map(\.address.text).joined(separator: ", ")
        OperatorLog.note("ready: \(list) (\(Plural.of(gateway.workerCount, "worker")))")
        notifier.ready("serving")
        follow(gateway, source, loaded, model.drainTimeout, events, notifier)
        server?.stop()
        return 0
    }

    private static func address(_ text: String?, of option: String) throws(StartError) -> ListenAddress? {
        guard let text else { return nil }
        let (address, help) = ListenAddress.parse(text)
        guard let address else { throw StartError("\(option) \(text): \(help)") }
        return address
    }

    private func start(_ model: GatewayModel, _ events: RunEvents) throws(StartError) -> Gateway {
        var options = Gateway.Options()
        options.orders.reload = {
            let answer = Mailbox<ReloadAnswer>()
            events.post(.reloadFor(answer))
            return answer.take()
        }
        options.orders.drain = { events.post(.stop) }
        options.workers = workers
        options.log = OperatorLog.note
        options.inherited = InheritedSockets.fromEnvironment(log: OperatorLog.note)
        let before = try takeover.flatMap { path throws(StartError) in try TakeoverClient.ask(at: path) }
        options.inherited += before?.sockets ?? []
        let gateway = try Gateway(options)
        do {
            try gateway.start(model)
        } catch {
            throw error as? StartError ?? StartError("\(error)")
        }
        let addresses = gateway.listeners.map(\.address)
        if let complaint = try before?.confirm(used: addresses) { OperatorLog.note(complaint.message) }
        return gateway
    }

    /// Reloads and waits, until it is time to go.
    private func follow(
        _ gateway: Gateway,
        _ source: ConfigurationSource,
        _ loaded: ConfigurationSource.Loaded,
        _ drainTimeout: TimeAmount,
        _ events: RunEvents,
        _ notifier: ServiceNotifier
    ) {
        var drainTimeout = drainTimeout
        let watch = ConfigurationWatch(source, running: loaded, log: OperatorLog.note) { model in
            try gateway.reload(model)
            drainTimeout = model.drainTimeout
        }
        func reload() -> ConfigurationWatch.Outcome {
            notifier.reloading()
            let outcome = watch.reload()
            if outcome == .rejected { gateway.reloadFailed() }
            notifier.ready(outcome == .rejected ? "serving; the last reload was rejected" : "serving")
            return outcome
        }
        while true {
            switch events.take(until: SystemClock.monotonic() + watch.nextLook) {
            case nil:
                if watch.look() == .rejected { gateway.reloadFailed() }
                gateway.lookAtCertificates()
            case .reload: _ = reload()
            case .reloadFor(let answer):
                let isDone = reload() == .reloaded
                answer.post(ReloadAnswer(isDone: isDone, message: watch.message, diagnostics: watch.findings))
            case .reopenLogs: gateway.reopenLogs()
            case .stop, .handedOver:
                notifier.stopping("draining")
                return finish(gateway, drainTimeout)
            }
        }
    }

    private func finish(_ gateway: Gateway, _ timeout: TimeAmount) {
        let open = gateway.statistics.connectionsOpen
        let seconds = timeout.nanoseconds / 1_000_000_000
        OperatorLog.note("draining: \(Plural.of(open, "connection")), for at most \(seconds) s")
        let cut = gateway.drain(timeout: timeout)
        if cut > 0 { OperatorLog.note("cut, since still busy: \(Plural.of(cut, "connection"))") }
        let statistics = gateway.statistics
        gateway.stop()
        OperatorLog.note("stopped: \(statistics.line)")
    }
}
