import SluiceConfig

/// `sluice echo`: the built-in upstream, until a signal ends it.
package struct EchoCommand: Sendable {
    private let address: String
    private let name: String?

    package init(address: String, name: String? = nil) {
        self.address = address
        self.name = name
    }

    /// Isolation: the main thread, before any other exists.
    ///
    /// - Returns: the exit status: 0, or 1 when it could not start.
    package func run() -> Int32 {
        Signals.block()
        let (parsed, help) = ListenAddress.parse(address)
        guard let parsed else {
            OperatorLog.write("error: \(address): \(help)")
            return 1
        }
        let stopped = Mailbox<Void>()
        do throws(StartError) {
            try Signals.listen { if case .stop = $0 { stopped.post(()) } }
            let server = try EchoServer.start(on: parsed, name: name)
            OperatorLog.write("ready: \(server.address.text)")
            stopped.take()
            server.stop()
            return 0
        } catch {
            OperatorLog.write("error: \(error.message)")
            return 1
        }
    }
}
