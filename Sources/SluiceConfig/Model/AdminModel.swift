import NIOCore
package import SluiceCore

/// The admin API: an address of its own, and who may use it.
package struct AdminModel: Sendable {
    /// What its listener is called in logs and metrics.
    package static let listenerName = "(admin)"

    package var address: ListenAddress
    package var place: SourcePlace
    /// Of the token that every request must carry; nil: only whoever reaches the address is asked for nothing.
    package var token: SHA256Digest?
    /// Names that the `Host` of a request may be besides addresses and `localhost`; lower case, without port.
    package var hosts: [String] = []

    package init(address: ListenAddress, place: SourcePlace) {
        self.address = address
        self.place = place
    }

    /// The listener that its requests come in at: few connections, little patience, no bodies worth mentioning.
    package var listener: ListenerModel {
        var listener = ListenerModel(name: Self.listenerName, place: place, address: address)
        listener.limits.connections = 64
        listener.limits.bodyBytes = 64 * 1024
        listener.timeouts.streamIdle = .seconds(75)
        // Answered with 405 and the methods of the path, like every other that does not fit.
        listener.allowTrace = true
        return listener
    }
}
