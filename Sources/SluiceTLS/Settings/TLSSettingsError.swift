/// Why a context cannot be made of its settings.
package struct TLSSettingsError: Error, Sendable, Equatable {
    /// Which of the settings it is about; positions count from 0, in the order of the settings.
    package enum Item: Sendable, Equatable {
        /// The chain of `certificates[i]`; 0 for a client's own.
        case certificate(Int)
        /// The private key of `certificates[i]`; 0 for a client's own.
        case key(Int)
        /// The OCSP response of `certificates[i]`.
        case ocspResponse(Int)
        /// One of the names that `certificates[i]` is to be chosen by.
        case serverName(Int)
        case trust
        /// A revocation list of the trust store.
        case revocationList(Int)
        case ticketKeys
        case versions
        case ciphers
        case curves
        /// The list of protocols for ALPN.
        case protocols
        /// A name, pin or hash that the peer's certificate must have.
        case peerRules
        case clientAuthentication
        /// Nothing that was set: the library failed, for want of memory.
        case library
    }

    package let item: Item
    /// One sentence without a full stop, to stand behind the place of the setting.
    package let message: String

    package init(_ item: Item, _ message: String) {
        self.item = item
        self.message = message
    }
}
