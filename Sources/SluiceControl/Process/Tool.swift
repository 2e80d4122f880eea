package import SluiceConfig
import SluiceFilters

/// The commands that only print, for the command line, which sees no other part of the gateway.
package enum Tool {
    /// Of this build.
    package static let version = "0.1.0"

    package static var schema: String { NativeSchema.jsonSchema(filters: BuiltInFilters.catalog) }

    /// Methods that a shell may offer.
    package static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]

    /// Reads and checks files and folders, with the filters of this build.
    @Sendable package static func read(_ arguments: [String]) -> ConfigurationCheck {
        ConfigurationCheck.run(arguments, filters: BuiltInFilters.catalog)
    }

    /// `sluice check`: everything wrong with a configuration; `strict`: warnings fail too.
    package static func check(_ arguments: [String], asJSON: Bool, strict: Bool) -> CommandResult {
        let check = read(arguments).reviewed()
        return CommandResult(output: check.report(asJSON ? .json : .text), status: check.exitCode(strict: strict))
    }

    /// `sluice explain`; see `ExplainCommand.run` for the status.
    package static func explain(_ words: RequestWords, asJSON: Bool) -> CommandResult {
        do throws(ExplainProblem) {
            let (files, request) = try words.parsed()
            return ExplainCommand(files, request, asJSON: asJSON).run()
        } catch {
            return CommandResult(errors: "error: \(error.message)\n", status: 64)
        }
    }
}
