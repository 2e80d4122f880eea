import ArgumentParser
import SluiceControl

/// The command line: words in, words and an exit status out. What the commands do is in `SluiceControl`.
@main
struct Sluice: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "An API gateway.",
        discussion: """
            Exit status: 0 when all went well; 1 when a configuration is wrong or something could not start; 64 when the \
            command line is wrong; 128 and the number of the signal when a second one stopped the process at once.
            """,
        version: Tool.version,
        subcommands: [
            Run.self, Check.self, Explain.self, Diff.self, Schema.self, Completion.self, Version.self, Demo.self,
            Echo.self,
        ]
    )
}

/// The files that several commands read.
struct ConfigurationFiles: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")],
        parsing: .upToNextOption,
        help: ArgumentHelp("A configuration file or a folder of them; several are read as one.", valueName: "file"),
        completion: completion
    )
    var files: [String] = []

    static let completion = CompletionKind.file(extensions: ["yaml", "yml", "json"])

    /// - Parameter stray: files that were named without `-c`, as one is tempted to.
    func validate(_ stray: [String]) throws {
        if !stray.isEmpty {
            throw ValidationError("Configuration files are named with -c: -c \(stray.joined(separator: " "))")
        }
        if files.isEmpty { throw ValidationError("Name at least one configuration file: -c FILE.") }
    }
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the gateway.",
        discussion: """
            A changed file or SIGHUP reloads, SIGTERM and SIGINT let the requests under way end. A second signal ends \
            the process at once.
            """
    )

    @OptionGroup var source: ConfigurationFiles

    @Option(
        help: ArgumentHelp(
            "Listen here instead, for example 127.0.0.1:8080 or unix:/run/sluice.sock.",
            valueName: "address"
        )
    )
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "Serve the admin API here, with or without 'admin' in the configuration, for example 127.0.0.1:9901.",
            valueName: "address"
        )
    )
    var admin: String?

    @Option(help: ArgumentHelp("Event loops; otherwise the configuration's, or one per processor.", valueName: "n"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            "Take the listening sockets over from the process that runs with the same path, and give them to the next one.",
            valueName: "socket"
        )
    )
    var takeover: String?

    @Argument(help: .hidden) var stray: [String] = []

    func validate() throws {
        try source.validate(stray)
        if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers is a number from 1 to 1024.") }
    }

    func run() throws {
        var command = RunCommand(source.files)
        command.listen = listen
        command.admin = admin
        command.workers = workers
        command.takeover = takeover
        throw ExitCode(command.run())
    }
}

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show everything that is wrong with a configuration.")

    @OptionGroup var source: ConfigurationFiles
    @Option var format = OutputFormat.text
    @Flag(help: "Fail for warnings too.") var strict = false
    @Argument(help: .hidden) var stray: [String] = []

    func validate() throws { try source.validate(stray) }

    func run() throws { try Output.show(Tool.check(source.files, asJSON: format == .json, strict: strict)) }
}
