package import NIOCore
package import SluiceConfig

/// One health check to be made.
package struct ProbeOrder {
    package var address: SocketAddress
    /// For the Host field, where the check names none.
    package var hostField: [UInt8]
    package var probe: HealthCheckModel.Probe
    /// For everything, from connecting to the head of the answer.
    package var timeout: TimeAmount
}

/// Makes health checks; a protocol so that tests can do without sockets.
package protocol Prober: AnyObject {
    /// `done` is called exactly once, on `loop`, perhaps before this returns. After `timeout` it says `.timeout`.
    func probe(_ order: ProbeOrder, on loop: any EventLoop, done: @escaping (ProbeResult) -> Void)
}
