package import NIOCore
package import SluiceConfig
package import SluiceTLS

/// One health check to be made.
package struct ProbeOrder {
    package var address: SocketAddress
    /// For the Host field, where the check names none.
    package var hostField: [UInt8]
    package var probe: HealthCheckModel.Probe
    /// For everything, from connecting to the head of the answer.
    package var timeout: TimeAmount
    package var transport = ProbeTransport()
}

/// What a health check's connection is like, which is what the upstream's own are.
package struct ProbeTransport {
    /// A context, the name that is asked for, and a number that tells the endpoint from others.
    package struct Security {
        package var context: TLSClientContext
        package var host: [UInt8]
        package var endpoint: UInt64
    }

    /// nil: cleartext.
    package var security: Security?
    /// HTTP/2 by prior knowledge; with TLS, the handshake tells.
    package var isHTTP2 = false
    /// The PROXY protocol header that it begins with; it says that there is nobody behind it.
    package var proxyProtocol: ProxyProtocolVersion?

    package init() {}
}

/// Makes health checks; a protocol so that tests can do without sockets.
package protocol Prober: AnyObject {
    /// `done` is called exactly once, on the control loop, perhaps before this returns. After `timeout` it says `.timeout`.
    func probe(_ order: ProbeOrder, done: @escaping (ProbeResult) -> Void)
}
