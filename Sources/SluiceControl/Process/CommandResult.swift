/// What a command that only prints has to say.
package struct CommandResult: Sendable, Equatable {
    /// For the standard output.
    package var output = ""
    /// For the standard error stream.
    package var errors = ""
    /// The exit status.
    package var status: Int32

    package init(output: String = "", errors: String = "", status: Int32) {
        self.output = output
        self.errors = errors
        self.status = status
    }
}
