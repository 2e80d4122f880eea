package import SluiceConfig

/// An upstream as the control side sees it at one moment.
package struct UpstreamReport: Sendable {
    package let name: String
    package let model: UpstreamModel
    /// Its counts go on changing.
    package let state: UpstreamState
    package let endpoints: [EndpointReport]
}

/// One endpoint of it.
package struct EndpointReport: Sendable {
    /// `10.0.0.1:80`, `[::1]:80` or `unix:/path`.
    package let address: String
    package let weight: UInt32
    package let priority: UInt16
    /// nil: nobody checks.
    package let health: HealthState.Status?
    /// Left out for a while, since real requests failed.
    package let isEjected: Bool
    /// Open or being opened, idle ones included.
    package let connections: Int

    /// Whether requests are sent there, as long as not too many are out (the panic rule).
    package var isUsable: Bool { (health ?? .healthy) == .healthy && !isEjected }
}
