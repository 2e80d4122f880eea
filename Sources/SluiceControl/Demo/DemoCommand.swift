import NIOCore
import SluiceConfig
import SluiceCore
import SluiceFilters

/// `sluice demo`: the quickstart configuration with echo servers where it expects its upstreams, until a signal ends it.
package struct DemoCommand: Sendable {
    package init() {}

    /// Isolation: the main thread, before any other exists.
    ///
    /// - Returns: the exit status: 0, or 1 when it could not start.
    package func run() -> Int32 {
        Signals.block()
        let stopped = Mailbox<Void>()
        do {
            try Signals.listen { if case .stop = $0 { stopped.post(()) } }
            let model = try Self.model()
            let echoes = try Self.startEchoes(of: model)
            var options = Gateway.Options()
            options.log = OperatorLog.note
            let gateway = try Gateway(options)
            try gateway.start(model)
            OperatorLog.write(Self.introduction(gateway, echoes))
            stopped.take()
            gateway.drain(timeout: .seconds(2))
            gateway.stop()
            for echo in echoes { echo.stop() }
            return 0
        } catch {
            OperatorLog.write("error: \((error as? StartError)?.message ?? "\(error)")")
            return 1
        }
    }

    static func model() throws(StartError) -> GatewayModel {
        let (model, diagnostics) = NativeConfiguration.load(
            files: [ConfigFile(path: "quickstart.yaml", text: Quickstart.text)],
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { _ in [] }
        )
        guard let model else {
            throw StartError(TextRenderer(sources: diagnostics.sources).render(diagnostics))
        }
        return model
    }

    /// One server for each endpoint of the configuration.
    static func startEchoes(of model: GatewayModel) throws(StartError) -> [EchoServer] {
        var echoes: [EchoServer] = []
        for endpoint in model.upstreams.flatMap(\.endpoints) {
            guard case .ip(let ip, let port) = endpoint.address else { continue }
            let address = ListenAddress.ip(host: ip.description, port: port)
            echoes.append(try EchoServer.start(on: address, name: "echo-\(echoes.count + 1)"))
        }
        return echoes
    }

    private static func introduction(_ gateway: Gateway, _ echoes: [EchoServer]) -> String {
        let address = gateway.listeners.first?.address.text ?? ""
        return """
            Sluice listens on \(address), in front of \(echoes.count) echo servers. Try:

              curl -i http://\(address)/hello                      # balanced: look at "server" in two answers
              curl -i http://\(address)/healthz                    # answered by the gateway itself
              curl -i http://\(address)/status/503                 # an upstream that fails
              curl -N http://\(address)/stream/5                   # a streamed answer
              curl -i http://\(address)/upload --data-binary @README.md
              curl -i http://\(address)/ -H 'Host: a b'            # refused, and why

            The configuration is examples/quickstart.yaml. Ctrl-C ends it.

            """
    }
}
