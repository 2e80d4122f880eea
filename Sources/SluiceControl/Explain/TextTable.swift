import SluiceConfig

/// Lines whose cells stand below each other.
struct TextTable {
    /// A longer cell moves the rest of its own line only.
    private static let widest = 44

    private let indent: String
    private var rows: [[String]] = []

    init(indent: Int = 2) { self.indent = String(repeating: " ", count: indent) }

    mutating func row(_ cells: String...) { rows.append(cells) }

    /// Two spaces between columns, none at the end of a line.
    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count - 1 ? Self.width($0[column]) : 0 }.filter { $0 <= Self.widest }.max() ?? 0
        }
        return rows.map { line($0, widths) }.joined()
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = indent
        for (column, cell) in cells.enumerated() {
            text += cell
            guard column + 1 < cells.count else { break }
            text += String(repeating: " ", count: max(0, widths[column] - Self.width(cell)) + 2)
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    private static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + Printable.width($1) }
    }
}
