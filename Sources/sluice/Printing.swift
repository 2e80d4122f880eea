import ArgumentParser
import SluiceControl

enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case text, json }

enum Output {
    /// Prints what a command has to say, and ends with its status.
    static func show(_ result: CommandResult) throws {
        try show(result.output)
        OperatorLog.write(result.errors)
        throw ExitCode(result.status)
    }

    /// Prints a text; half of one is a failure, or a script would go on with it.
    static func show(_ text: String) throws {
        if let problem = StandardStream.show(text) {
            OperatorLog.write("error: cannot write the output: \(problem)")
            throw ExitCode.failure
        }
    }
}

struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the configuration's JSON Schema, for editors.")

    func run() throws { try Output.show(Tool.schema) }
}

struct Completion: ParsableCommand {
    enum Shell: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish }

    static let configuration = CommandConfiguration(abstract: "Print a completion script; see docs/completion.md.")
    @Argument var shell: Shell

    func run() throws {
        try Output.show(Sluice.completionScript(for: CompletionShell(rawValue: shell.rawValue) ?? .bash) + "\n")
    }
}

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() throws { try Output.show("sluice \(Tool.version)\n") }
}
