import Glibc
import NIOCore
import SluiceCore
import SluiceProxy

extension GatewayCore {
    /// How long idle connections stay open at first: a client that has just sent its next request, or its first, gets an
    /// answer with `Connection: close` instead of a closed connection.
    private static var grace: TimeAmount { .seconds(1) }

    /// Stops accepting and waits for the connections to end.
    ///
    /// - Returns: how many had to be cut.
    func drain(timeout: TimeAmount) -> Int {
        guard !isDraining else { return 0 }
        isDraining = true
        let began = SystemClock.monotonic()
        let sources = listeners.map(\.source)
        acceptor?.replace([])
        acceptor?.acceptWaiting(from: sources)
        closeListeners()
        for worker in workers { worker.execute { $0.beginDraining() } }
        wait(until: began + min(Self.grace, timeout))
        for worker in workers { worker.execute { $0.drain {} } }
        wait(until: began + timeout)
        let left = openConnections
        for worker in workers { try? worker.run { $0.abortAll() } }
        return left
    }

    private func wait(until deadline: NIODeadline) {
        while openConnections > 0, SystemClock.monotonic() < deadline { usleep(2000) }
    }
}
