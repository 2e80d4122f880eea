import ArgumentParser
import SluiceControl

/// The command line.
@main
struct Sluice: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sluice")
}
