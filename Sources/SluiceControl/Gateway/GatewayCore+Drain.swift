import SluiceProxy

/// The steps of a drain; `Gateway` waits between them.
extension GatewayCore {
    /// Stops accepting. From now on every answer is its connection's last.
    ///
    /// - Returns: false when that was done before.
    func beginDrain() -> Bool {
        guard !isDraining else { return false }
        isDraining = true
        let sources = listeners.map(\.source)
        acceptor?.replace([])
        acceptor?.acceptWaiting(from: sources)
        closeListeners()
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
