import NIOCore
package import SluiceConfig
import SluiceCore

/// `sluice diff`: the requests that two configurations decide differently. Isolation: any thread that may block.
package struct DiffCommand: Sendable {
    private let old: String
    private let new: String
    private let asJSON: Bool
    private let check: @Sendable ([String]) -> ConfigurationCheck

    /// - Parameters:
    ///   - old: a file or folder.
    ///   - new: a file or folder.
    ///   - asJSON: whether a program reads the output.
    ///   - check: reads a configuration.
    package init(
        _ old: String,
        _ new: String,
        asJSON: Bool,
        check: @escaping @Sendable ([String]) -> ConfigurationCheck = Tool.read
    ) {
        self.old = old
        self.new = new
        self.asJSON = asJSON
        self.check = check
    }

    /// Compares, and says how far it is when that takes long.
    ///
    /// - Parameter log: gets lines about the progress.
    /// - Returns: exit status 0 for equal, 2 for different, 1 when one of the configurations is wrong.
    package func run(log: (String) -> Void) -> CommandResult {
        var models: [GatewayModel] = []
        for argument in [old, new] {
            let check = check([argument])
            guard let model = check.model else { return CommandResult(errors: check.report(.text), status: 1) }
            models.append(model)
        }
        var nextLine = SystemClock.monotonic() + .seconds(2)
        do {
            var comparer = try ConfigurationComparer(models[0], models[1])
            let diff = comparer.run { done, all in
                let now = SystemClock.monotonic()
                guard now >= nextLine else { return }
                nextLine = now + .seconds(2)
                log("diff: \(done * 100 / max(all, 1))%")
            }
            return CommandResult(output: asJSON ? diff.json : diff.text, status: diff.isEmpty ? 0 : 2)
        } catch {
            return CommandResult(errors: "error: the routes cannot be compiled: \(error)\n", status: 1)
        }
    }
}
