/// What the admin API has others do. Isolation: called on a thread that may block.
package struct AdminOrders: Sendable {
    /// Reads the files again and takes them over; nil: there are no files.
    package var reload: (@Sendable () -> ReloadAnswer)?
    /// Begins to end the process; returns at once. nil: somebody else decides about that.
    package var drain: (@Sendable () -> Void)?

    package init() {}
}

/// What came of a reload that was asked for.
package struct ReloadAnswer: Sendable {
    package var isDone: Bool
    /// One sentence.
    package var message: String
    /// A JSON array of diagnostics, as `sluice check --format json` has it.
    package var diagnostics: String

    package init(isDone: Bool, message: String, diagnostics: String = "[]") {
        self.isDone = isDone
        self.message = message
        self.diagnostics = diagnostics
    }
}
