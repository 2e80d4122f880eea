import SluiceConfig
import SluiceProxy
import SluiceTLS

/// A listener of the current configuration with its socket.
struct OpenListener {
    var model: ListenerModel
    let socket: ListeningSocket
    let state: ListenerState
    /// nil in cleartext.
    var tls: TLSServerContext?
}

/// What a loop is told of a listener.
struct ListenerRules: Sendable {
    let model: ListenerModel
    /// Its place among the listeners that routes name.
    let index: Int
    let state: ListenerState
    /// nil in cleartext.
    let tls: TLSServerContext?
    /// The name now stands for another address: connections of the old one end.
    let endsConnections: Bool
}

/// What a configuration changes about the listeners; nothing was closed yet.
struct ListenerChange {
    let next: [OpenListener]
    /// Sockets that nobody listens on any more.
    let removed: [OpenListener]
    /// The names whose connections end: under another name an address is still served, and so are its connections.
    let ended: Set<String>
    /// What the loops follow while the acceptor still knows the old sockets.
    let duringChange: [ListenerRules]
    /// What they follow afterwards; nil: the same.
    let afterChange: [ListenerRules]?
}

extension Worker {
    /// Takes over the rules of the listeners.
    func follow(_ rules: [ListenerRules]) {
        install(listeners: rules.map { LoopListener($0.model, index: $0.index, state: $0.state, tls: $0.tls) })
        for rule in rules where rule.endsConnections { drain(listener: rule.model.name) }
    }
}

extension GatewayCore {
    /// Opens the sockets that are not open yet; a socket whose address stays is kept, also under another name.
    ///
    /// - Parameters:
    ///   - models: of the next configuration.
    ///   - contexts: of those with TLS, by their names.
    /// - Throws: `StartError` when an address cannot be had; then those opened before are closed again.
    func openListeners(
        _ models: [ListenerModel],
        _ contexts: [String: TLSServerContext]
    ) throws(StartError) -> ListenerChange {
        var old = listeners
        var next: [OpenListener] = []
        var opened: [ListeningSocket] = []
        for model in models {
            let state = listeners.first { $0.model.name == model.name }?.state ?? ListenerState(name: model.name)
            if let place = place(of: model, in: old) {
                let known = old.remove(at: place)
                let tls = contexts[model.name]
                next.append(OpenListener(model: model, socket: known.socket, state: state, tls: tls))
                continue
            }
            do throws(ListenError) {
                let socket = try open(model.address)
                opened.append(socket)
                next.append(OpenListener(model: model, socket: socket, state: state, tls: contexts[model.name]))
            } catch {
                for socket in opened { socket.close() }
                throw StartError("listener '\(model.name)': \(error.message)")
            }
        }
        return change(to: next, removing: old)
    }

    /// The socket of the same name and address, else of the same address.
    private func place(of model: ListenerModel, in old: [OpenListener]) -> Int? {
        old.firstIndex { $0.model.address == model.address && $0.model.name == model.name }
            ?? old.firstIndex { $0.model.address == model.address }
    }

    private func open(_ address: ListenAddress) throws(ListenError) -> ListeningSocket {
        let place =
            inherited.firstIndex { $0.address == address } ?? inherited.firstIndex { $0.address.serves(address) }
        if let place { return inherited.remove(at: place) }
        return try ListeningSocket(binding: address)
    }

    private func change(to next: [OpenListener], removing removed: [OpenListener]) -> ListenerChange {
        let moved = Set(removed.map(\.model.name)).intersection(next.map(\.model.name))
        func rules(ending: Set<String>) -> [ListenerRules] {
            next.enumerated().map { index, listener in
                ListenerRules(
                    model: listener.model,
                    index: index,
                    state: listener.state,
                    tls: listener.tls,
                    endsConnections: ending.contains(listener.model.name)
                )
            }
        }
        // A connection that comes in by an old socket until the acceptor lets go of it is still served.
        let names = Set(next.map(\.model.name))
        let gone = listeners.filter { !names.contains($0.model.name) }.map {
            ListenerRules(
                model: $0.model,
                index: Int(UInt32.max),
                state: $0.state,
                tls: $0.tls,
                endsConnections: false
            )
        }
        return ListenerChange(
            next: next,
            removed: removed,
            ended: Set(removed.map(\.model.name)).subtracting(names),
            duringChange: rules(ending: moved) + gone,
            afterChange: gone.isEmpty ? nil : rules(ending: [])
        )
    }

    /// Closes what was removed and lets its connections end, once the acceptor has let go of it.
    func finish(_ change: ListenerChange) {
        acceptor?.acceptWaiting(from: change.removed.map(source))
        for listener in change.removed { listener.socket.close() }
        guard let after = change.afterChange else { return }
        let ended = change.ended
        for worker in workers + (admin.map { [$0.worker] } ?? []) {
            try? worker.run { worker in
                worker.follow(after)
                for name in ended { worker.drain(listener: name) }
            }
        }
    }

    /// Takes over files of certificates, keys and lists that have changed: each loop at its next turn. No connection is
    /// closed, and handshakes under way go on as they began.
    func lookAtCertificates() {
        guard let update = tls.look() else { return }
        for index in listeners.indices {
            if let context = update.servers[listeners[index].model.name] { listeners[index].tls = context }
        }
        for worker in workers {
            worker.execute { worker in
                for (name, context) in update.servers { worker.install(context, forListener: name) }
                for (name, context) in update.clients { worker.install(context, forUpstream: name) }
            }
        }
    }

    /// - Parameter stays: keeps some open.
    func closeListeners(but stays: (OpenListener) -> Bool = { _ in false }) {
        for listener in listeners where !stays(listener) { listener.socket.close() }
        listeners = listeners.filter(stays)
    }
}

extension ListenAddress {
    /// Whether a socket that somebody else bound to this address does for another one that was asked for: the IPv6
    /// wildcard, as service managers bind it, serves IPv4 too, and port 0 means any.
    fileprivate func serves(_ wanted: ListenAddress) -> Bool {
        guard case .ip(let host, let port) = self, case .ip(let wantedHost, let wantedPort) = wanted else {
            return false
        }
        let sameHost = host == wantedHost || (host == "::" && wantedHost == "0.0.0.0")
        return sameHost && (port == wantedPort || wantedPort == 0)
    }
}
