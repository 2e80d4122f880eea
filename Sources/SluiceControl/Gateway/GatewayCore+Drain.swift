import SluiceConfig
import SluiceProxy

/// The steps of a drain; `Gateway` waits between them.
extension GatewayCore {
    /// Stops accepting. From now on every answer is its connection's last.
    ///
    /// - Returns: false when that was done before.
    func beginDrain() -> Bool {
        guard !isDraining else { return false }
        isDraining = true
        facts.beganDraining()
        // The admin API goes on to the end: that is where one sees how far the drain has come.
        func isAdmin(_ listener: OpenListener) -> Bool { listener.model.name == AdminModel.listenerName }
        let sources = listeners.filter { !isAdmin($0) }.map(source)
        acceptor?.replace(listeners.filter(isAdmin).map(source))
        acceptor?.acceptWaiting(from: sources)
        closeListeners(but: isAdmin)
        for worker in workers { try? worker.run { $0.beginDraining() } }
        return true
    }

    func endIdleConnections() {
        for worker in workers { worker.execute { $0.drain {} } }
    }

    /// Cuts what is left; those who have no answer yet are told why they get none.
    ///
    /// - Returns: how many connections that were.
    func cutConnections() -> Int {
        let left = openConnections
        for worker in workers { try? worker.run { $0.cutAll() } }
        return left
    }

    func abortConnections() {
        for worker in workers { try? worker.run { $0.abortAll() } }
    }
}
