import NIOCore
import SluiceConfig
import SluiceCore
import SluiceProxy
import Synchronization

/// What anybody may know of a gateway without asking its control queue, which may be busy for seconds. Any thread.
final class GatewayFacts: Sendable {
    struct Values: Sendable {
        /// nil: nothing runs yet.
        var running: SharedSnapshot?
        var listeners: [(state: ListenerState, limit: Int)] = []
        var isDraining = false
        var reloadsDone = 0
        var reloadsFailed = 0
        var lastReloadFailed = false
        /// Seconds since 1970; nil: never.
        var lastSuccess: Double?
        /// Counts the configurations that ran.
        var generation = 0
    }

    private let values = Mutex(Values())

    var now: Values { values.withLock { $0 } }

    func tookOver(_ shared: SharedSnapshot, _ listeners: [OpenListener]) {
        let states = listeners.map { (state: $0.state, limit: $0.model.limits.connections) }
        let second = Double(SystemClock.secondsSince1970())
        // Released outside of the lock, since taking a large configuration down takes time.
        let before = values.withLock { values in
            let before = values.running
            values.running = shared
            values.listeners = states
            values.generation += 1
            if values.generation > 1 { values.reloadsDone += 1 }
            values.lastReloadFailed = false
            values.lastSuccess = second
            return before
        }
        withExtendedLifetime(before) {}
    }

    func reloadFailed() {
        values.withLock { values in
            values.reloadsFailed += 1
            values.lastReloadFailed = true
        }
    }

    func beganDraining() { values.withLock { $0.isDraining = true } }
}
