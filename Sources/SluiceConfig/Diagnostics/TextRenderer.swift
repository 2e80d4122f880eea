/// Writes diagnostics for people:
///
///     orders.yaml:14:7: error[SL012]: unknown field 'max_conections' in upstream 'orders'
///           max_conections: 5
///           ^~~~~~~~~~~~~~
///     help: did you mean 'max_connections'?
package struct TextRenderer {
    /// Longer lines are shown around the spot only.
    private static let widest = 120

    private let files: [String: LineIndex]

    package init(sources: [ConfigFile]) {
        files = Dictionary(sources.map { ($0.path, LineIndex($0.bytes)) }) { first, _ in first }
    }

    /// All of them, with a last line that counts them; empty for none.
    package func render(_ diagnostics: Diagnostics) -> String {
        guard !diagnostics.isEmpty else { return "" }
        var out = ""
        for diagnostic in diagnostics.sorted { render(diagnostic, hiding: diagnostics.secrets, into: &out) }
        for (code, count) in diagnostics.omitted { out += "... and \(count) more of \(code.rawValue)\n" }
        out += Self.summary(diagnostics) + "\n"
        return out
    }

    package static func summary(_ diagnostics: Diagnostics) -> String {
        func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }
        let infos = diagnostics.infoCount == 0 ? "" : ", \(diagnostics.infoCount) info"
        return "\(count(diagnostics.errorCount, "error")), \(count(diagnostics.warningCount, "warning"))\(infos)"
    }

    /// - Parameter secrets: what excerpts show as stars.
    package func render(_ diagnostic: Diagnostic, hiding secrets: [SourceSpan] = [], into out: inout String) {
        let head = "\(diagnostic.severity.rawValue)[\(diagnostic.code.rawValue)]"
        out += "\(diagnostic.span.place.description): \(head): \(diagnostic.message)\n"
        excerpt(diagnostic.span, secrets, into: &out)
        for note in diagnostic.notes {
            out += "\(note.span.place.description): note: \(note.text)\n"
            excerpt(note.span, secrets, into: &out)
        }
        if let help = diagnostic.help { out += "help: \(help)\n" }
    }

    // MARK: Source lines

    private func excerpt(_ span: SourceSpan, _ secrets: [SourceSpan], into out: inout String) {
        guard let line = files[span.place.file]?.line(span.place.line) else { return }
        guard line.contains(where: { !$0.isWhitespace }) else { return }
        var scalars = Array(line.unicodeScalars)
        for secret in secrets where secret.place.file == span.place.file && secret.place.line == span.place.line {
            let start = min(max(0, secret.place.column - 1), scalars.count)
            for index in start..<min(start + secret.length, scalars.count) { scalars[index] = "*" }
        }
        for index in Credentials.ranges(in: scalars).joined() { scalars[index] = "*" }
        let spot = min(max(0, span.place.column - 1), scalars.count)
        let window = Self.window(of: scalars.count, around: spot)
        var text = window.lowerBound > 0 ? "..." : ""
        var padding = window.lowerBound > 0 ? "   " : ""
        var marks = ""
        for index in window {
            let scalar = scalars[index]
            let isTab = scalar == "\t"
            let width = isTab ? 1 : Printable.width(scalar)
            text.unicodeScalars.append(!isTab && Printable.isControl(scalar) ? "\u{FFFD}" : scalar)
            if index < spot {
                // A tab stays a tab, so that the caret stands right at every tab width.
                padding += isTab ? "\t" : String(repeating: " ", count: width)
            } else if index < spot + span.length {
                marks += String(repeating: "~", count: max(width, 1))
            }
        }
        if window.upperBound < scalars.count { text += "..." }
        out += "  \(text)\n  \(padding)^\(marks.dropFirst())\n"
    }

    private static func window(of count: Int, around spot: Int) -> Range<Int> {
        guard count > widest else { return 0..<count }
        let start = max(0, min(spot - widest / 3, count - widest))
        return start..<min(count, start + widest)
    }
}

/// The lines of one file, found once.
private struct LineIndex {
    private let bytes: [UInt8]
    private let starts: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var starts = [0]
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") { starts.append(index + 1) }
        self.starts = starts
    }

    /// A line by its 1-based number; at most its first 16 KiB.
    func line(_ number: Int) -> String? {
        guard starts.indices.contains(number - 1) else { return nil }
        let start = starts[number - 1]
        let end = number < starts.count ? starts[number] - 1 : bytes.count
        var text = bytes[start..<end].prefix(16 * 1024)
        if text.last == UInt8(ascii: "\r") { text = text.dropLast() }
        if start == 0, text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        return String(decoding: text, as: UTF8.self)
    }
}
