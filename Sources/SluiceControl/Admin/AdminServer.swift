import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import SluiceSockets
import SluiceUpstream

/// The loop that serves the admin API: a worker like the others, all of whose requests end in one built-in action.
///
/// It shares no loop with the requests of clients, so that a scrape of megabytes or a slow reader of one costs them
/// nothing, and it outlives them in a drain.
final class AdminServer: Sendable {
    let worker: WorkerThread
    private let loop: SocketLoop
    private let access = AdminAccessBox()
    private let desk: AdminDesk

    init(
        facts: GatewayFacts,
        metrics: MetricsRegistry,
        upstreams: @escaping @Sendable () -> [UpstreamReport],
        orders: AdminOrders,
        shortage: ResourceShortage
    ) throws {
        let reloads: ControlQueue
        do throws(StartError) {
            // The threads first: they end by themselves when the loop does not come about.
            let reading = try ControlQueue(name: "sluice-admin")
            reloads = try ControlQueue(name: "sluice-reload")
            loop = try SocketLoop.running("sluice-loop-adm")
            desk = AdminDesk(reading)
        } catch {
            throw StartError("the admin API: \(error.message)")
        }
        let api = AdminAPI(
            access: access,
            view: AdminView(facts: facts, metrics: metrics, upstreams: upstreams),
            orders: orders,
            reading: desk,
            reloading: AdminBatch(reloads)
        )
        // Its requests are not those of clients: they are counted where nobody looks.
        worker = try WorkerThread.start(on: loop, MetricShard(), shortage, builtIn: api)
    }

    var target: Acceptor.Target { worker.target }

    /// Takes over the rules of its listener and who may use it.
    func follow(_ rules: [ListenerRules], _ model: AdminModel?) {
        if let model { access.model = model }
        let own = rules.filter { $0.model.name == AdminModel.listenerName }
        try? worker.run { $0.follow(own) }
    }

    func stop() {
        desk.stop()
        try? worker.run { worker in
            worker.abortAll()
            worker.loop.stop()
        }
        loop.stop()
    }
}
