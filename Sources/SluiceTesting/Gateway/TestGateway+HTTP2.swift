package import SluiceConfig
package import SluiceHTTP
import SluiceProxy

extension GatewayModel {
    /// As `forwarding`, to origins that speak HTTP/2.
    package static func forwardingHTTP2(
        to origins: ListenAddress...,
        change: (inout GatewayModel) -> Void = { _ in }
    ) -> GatewayModel {
        var model = GatewayModel()
        model.listeners = [.loopback("main")]
        model.upstreams = [.upstream("origin", origins)]
        model.upstreams[0].version = .http2
        model.routes = [.forward("all", to: "origin")]
        change(&model)
        return model
    }
}

extension TestGateway {
    /// A client that speaks HTTP/2 with prior knowledge.
    package func connectHTTP2(
        _ listener: String = "main",
        name: String = "client",
        settings: HTTP2Settings = HTTP2Settings()
    ) throws -> HTTP2Peer {
        try HTTP2Peer(client: try connect(listener, name: name), settings: settings)
    }

    /// How often connections of HTTP/2 were ended for what their client did.
    package func http2Errors(_ error: HTTP2Error) -> Int {
        lanes.reduce(0) { $0 + $1.metrics.current(error) }
    }
}

extension ScriptedOrigin {
    /// Takes the next connection as one of HTTP/2.
    package func acceptHTTP2(settings: HTTP2Settings = HTTP2Settings()) throws -> HTTP2Peer {
        try HTTP2Peer(serving: try accept(), settings: settings)
    }
}
