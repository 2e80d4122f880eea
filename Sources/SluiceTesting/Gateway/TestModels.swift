package import SluiceConfig
import SluiceCore

/// Short ways to write the configurations that tests need; everything else is set on the values they give.
extension GatewayModel {
    /// One listener on loopback, one upstream `origin`, one route that forwards everything to it.
    ///
    /// - Parameter change: sees the whole model; `routes[0]`, `upstreams[0]` and `listeners[0]` are there.
    package static func forwarding(
        to origins: ListenAddress...,
        change: (inout GatewayModel) -> Void = { _ in }
    ) -> GatewayModel {
        var model = GatewayModel()
        model.listeners = [.loopback("main")]
        model.upstreams = [.upstream("origin", origins)]
        model.routes = [.forward("all", to: "origin")]
        change(&model)
        return model
    }

    /// One listener on loopback and these routes.
    package static func routing(_ routes: RouteModel..., upstreams: [UpstreamModel] = []) -> GatewayModel {
        var model = GatewayModel()
        model.listeners = [.loopback("main")]
        model.upstreams = upstreams
        model.routes = routes
        return model
    }
}

extension ListenerModel {
    /// A free port of 127.0.0.1.
    package static func loopback(_ name: String) -> ListenerModel {
        ListenerModel(name: name, place: .builtIn, address: .ip(host: "127.0.0.1", port: 0))
    }
}

extension UpstreamModel {
    package static func upstream(_ name: String, _ addresses: [ListenAddress]) -> UpstreamModel {
        var model = UpstreamModel(name: name, place: .builtIn)
        model.endpoints = addresses.compactMap { address in
            switch address {
            case .ip(let host, let port):
                IPAddress(host).map { EndpointModel(address: .ip($0, port: port), place: .builtIn) }
            case .unix(let path): EndpointModel(address: .unix(path: path), place: .builtIn)
            }
        }
        return model
    }
}

extension RouteModel {
    /// - Parameters:
    ///   - targets: names of upstreams, split evenly unless `change` says otherwise.
    ///   - change: sees what the route does.
    package static func forward(
        _ name: String,
        _ path: PathMatch = .any,
        to targets: String...,
        change: (inout ForwardModel) -> Void = { _ in }
    ) -> RouteModel {
        var forward = ForwardModel(targets: targets.map { TargetModel(upstream: $0, place: .builtIn) })
        change(&forward)
        var route = RouteModel(name: name, place: .builtIn, action: .forward(forward))
        route.match.path = path
        return route
    }

    package static func redirect(_ name: String, _ path: PathMatch, change: (inout RedirectModel) -> Void) -> RouteModel
    {
        var redirect = RedirectModel()
        change(&redirect)
        var route = RouteModel(name: name, place: .builtIn, action: .redirect(redirect))
        route.match.path = path
        return route
    }

    package static func respond(_ name: String, _ path: PathMatch, change: (inout RespondModel) -> Void) -> RouteModel {
        var respond = RespondModel()
        change(&respond)
        var route = RouteModel(name: name, place: .builtIn, action: .respond(respond))
        route.match.path = path
        return route
    }

    /// The forward action, to be changed in place; setting it on another kind of route makes it one that forwards.
    package var forwarding: ForwardModel {
        get { if case .forward(let model) = action { model } else { ForwardModel(targets: []) } }
        set { action = .forward(newValue) }
    }
}
