import ArgumentParser
import SluiceControl

enum OutputFormat: String, CaseIterable, ExpressibleByArgument { case text, json }

enum Output {
    /// Prints what a command has to say, and ends with its status.
    static func show(_ result: CommandResult) throws {
        print(result.output, terminator: "")
        OperatorLog.write(result.errors)
        throw ExitCode(result.status)
    }
}

struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the configuration's JSON Schema, for editors.")

    func run() { print(Tool.schema, terminator: "") }
}

struct Completion: ParsableCommand {
    enum Shell: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish }

    static let configuration = CommandConfiguration(abstract: "Print a completion script; see docs/completion.md.")
    @Argument var shell: Shell

    func run() { print(Sluice.completionScript(for: CompletionShell(rawValue: shell.rawValue) ?? .bash)) }
}

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() { print("sluice \(Tool.version)") }
}
