import ArgumentParser
import SluiceControl

struct Echo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a server that answers with what it was asked.",
        discussion: """
            The answer is JSON: method, path, headers and the length of the body. Some paths do more: /status/503, \
            /delay/250 (milliseconds), /bytes/1000000, /stream/10 (chunks), /drip?numbytes=10&duration=5 (bytes over \
            seconds). Upgrade: websocket and Upgrade: echo send back whatever comes.
            """
    )

    @Option(help: ArgumentHelp("Where to listen: 127.0.0.1:9001, [::1]:9001 or unix:/path.", valueName: "address"))
    var address: String

    @Option(help: ArgumentHelp("What the server calls itself; its address if absent.", valueName: "name"))
    var name: String?

    func run() throws { throw ExitCode(EchoCommand(address: address, name: name).run()) }
}

struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a small gateway with echo servers behind it, and print commands to try."
    )

    func run() throws { throw ExitCode(DemoCommand().run()) }
}
