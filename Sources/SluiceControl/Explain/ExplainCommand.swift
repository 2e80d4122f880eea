package import SluiceConfig
import SluiceProxy

/// `sluice explain`: what the files would do with a request. Isolation: any thread that may block.
package struct ExplainCommand: Sendable {
    private let configuration: [String]
    private let request: ExplainRequest
    private let asJSON: Bool
    private let check: @Sendable ([String]) -> ConfigurationCheck

    /// - Parameters:
    ///   - configuration: files and folders.
    ///   - request: what is explained.
    ///   - asJSON: whether a program reads the output.
    ///   - check: reads the configuration.
    package init(
        _ configuration: [String],
        _ request: ExplainRequest,
        asJSON: Bool,
        check: @escaping @Sendable ([String]) -> ConfigurationCheck = Tool.read
    ) {
        self.configuration = configuration
        self.request = request
        self.asJSON = asJSON
        self.check = check
    }

    /// - Returns: exit status 0 when a route has the request, 2 when none has, 1 when the configuration is wrong, and 64
    ///   when what was described is no request.
    package func run() -> CommandResult {
        let check = check(configuration)
        guard let model = check.model else { return CommandResult(errors: check.report(.text), status: 1) }
        do {
            let explanation = try Explainer(try SnapshotCompiler.compile(model)).explain(request)
            return CommandResult(
                output: asJSON ? explanation.json : explanation.text,
                status: explanation.route == nil ? 2 : 0
            )
        } catch let problem as ExplainProblem {
            return CommandResult(errors: "error: \(problem.message)\n", status: 64)
        } catch {
            return CommandResult(errors: "error: the routes cannot be compiled: \(error)\n", status: 1)
        }
    }
}
