package import NIOCore

/// How logs and the admin API write an endpoint's address.
package enum EndpointText {
    /// `10.0.0.1:80`, `[::1]:80` or `unix:/run/app.sock`.
    package static func of(_ address: SocketAddress) -> String {
        switch address {
        case .v4, .v6:
            let host = address.ipAddress ?? ""
            let port = address.port ?? 0
            return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixDomainSocket: return "unix:\(address.pathname ?? "")"
        }
    }
}
