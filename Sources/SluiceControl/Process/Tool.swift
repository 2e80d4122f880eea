import SluiceConfig
import SluiceFilters

/// The commands that only print, for the command line, which sees no other part of the gateway.
package enum Tool {
    /// Of this build.
    package static let version = "0.1.0"

    package static var schema: String { NativeSchema.jsonSchema(filters: BuiltInFilters.catalog) }

    /// `sluice check`: everything wrong with a configuration, and the exit status.
    package static func check(_ arguments: [String], asJSON: Bool) -> (report: String, status: Int32) {
        let check = ConfigurationCheck.run(arguments, filters: BuiltInFilters.catalog)
        return (check.report(asJSON ? .json : .text), check.exitCode)
    }
}
