/// Where in which file a part of the configuration stands.
package struct SourcePlace: Hashable, Sendable {
    /// The path as the user gave it.
    package let file: String
    /// 1-based.
    package let line: Int
    /// 1-based, in characters.
    package let column: Int

    package init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// For what no file says: command-line overrides and built-in configurations.
    package static let builtIn = SourcePlace(file: "(built in)", line: 1, column: 1)

    package var description: String { "\(file):\(line):\(column)" }
}
