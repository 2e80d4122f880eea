import NIOCore
import SluiceConfig
import SluiceControl
import SluiceCore
import SluiceTesting
import Synchronization

/// A gateway with an admin API on loopback.
enum AdminKit {
    static let token = "0123456789abcdef0123456789abcdef"

    static func model(_ base: GatewayModel, token: String? = nil, hosts: [String] = []) -> GatewayModel {
        var model = base
        var admin = AdminModel(address: .ip(host: "127.0.0.1", port: 0), place: .builtIn)
        admin.token = token.map { SHA256Digest(of: Array($0.utf8)) }
        admin.hosts = hosts
        model.admin = admin
        return model
    }

    /// Runs a gateway whose orders are noted instead of carried out.
    static func run(
        _ model: GatewayModel,
        reload: (@Sendable () -> ReloadAnswer)? = nil,
        drain: (@Sendable () -> Void)? = nil,
        _ body: (Gateway) throws -> Void
    ) throws {
        var options = Gateway.Options()
        options.workers = 2
        options.orders.reload = reload
        options.orders.drain = drain
        let gateway = try Gateway(options)
        defer { gateway.stop() }
        try gateway.start(model)
        try body(gateway)
    }
}

extension Gateway {
    /// One request to the admin API.
    func ask(
        _ method: String,
        _ target: String,
        host: String = "127.0.0.1",
        _ lines: String...
    ) throws -> HTTPMessage {
        let peer = try connect(AdminModel.listenerName)
        try peer.send(Wire.message("\(method) \(target) HTTP/1.1", ["Host: \(host)"] + lines))
        return try peer.readResponse(to: method)
    }

    func ask(_ target: String) throws -> HTTPMessage { try ask("GET", target) }

    /// The metrics as lines without comments.
    func metrics() throws -> [String] {
        try ask("/metrics").text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    /// The value of one series; nil when it is not there.
    func metric(_ series: String) throws -> String? {
        try metrics().first { $0.hasPrefix(series + " ") }.map { String($0.dropFirst(series.count + 1)) }
    }
}
