import ArgumentParser
import SluiceControl

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a configuration does with a request, and why. Sends nothing.",
        usage: "sluice explain -c FILE... METHOD URL [-H 'name: value']... [--listener NAME] [--client IP]",
        discussion: "Exit status: 0 when a route takes the request, 2 when none does, 1 for a wrong configuration."
    )

    @OptionGroup var source: ConfigurationFiles
    @Option(name: [.customShort("H"), .customLong("header")], parsing: .unconditionalSingleValue)
    var headers: [String] = []
    @Option(help: ArgumentHelp("Where it comes in; otherwise the first listener for its scheme.", valueName: "name"))
    var listener: String?
    @Option(help: ArgumentHelp("The address of the other end of its connection.", valueName: "ip")) var client: String?
    @Option var format = OutputFormat.text
    @Argument(help: ArgumentHelp("A method and a URL.", valueName: "method url"), completion: .list(Tool.methods))
    var words: [String] = []

    func validate() throws { try source.validate([]) }

    func run() throws {
        var description = RequestWords(files: source.files, words: words)
        description.headers = headers
        description.listener = listener
        description.client = client
        try Output.show(Tool.explain(description, asJSON: format == .json))
    }
}

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the requests that two configurations decide differently, each with an example.",
        discussion: "Exit status: 0 when there are none, 2 when there are some, 1 for a wrong configuration."
    )

    @Argument(help: "A file or folder.", completion: ConfigurationFiles.completion) var old: String
    @Argument(help: "Another one.", completion: ConfigurationFiles.completion) var new: String
    @Option var format = OutputFormat.text

    func run() throws { try Output.show(DiffCommand(old, new, asJSON: format == .json).run(log: OperatorLog.write)) }
}
