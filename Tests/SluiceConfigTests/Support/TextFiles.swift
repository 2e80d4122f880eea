internal import Glibc
internal import SluiceConfig
internal import Testing

/// Files of the repository that tests compare with or write anew.
enum TextFiles {
    /// The folder of the package.
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(4)
        return parts.joined(separator: "/")
    }()

    /// Whether expectations are written instead of compared.
    static let isUpdating = getenv("UPDATE_GOLDEN").map { String(cString: $0) == "1" } ?? false

    static func read(_ path: String) throws -> String {
        String(decoding: try ConfigFiles.read(path), as: UTF8.self)
    }

    static func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else {
            Issue.record("cannot write \(path)")
            return
        }
        _ = text.withCString { fputs($0, file) }
        fclose(file)
    }

    static func list(_ folder: String, ending: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(ending) { names.append(name) }
        }
        return names.sorted()
    }

    /// The lines that differ, with `-` and `+`, one line around each.
    static func difference(expected: String, actual: String) -> String {
        let (old, new) = (
            expected.split(separator: "\n", omittingEmptySubsequences: false),
            actual.split(separator: "\n", omittingEmptySubsequences: false)
        )
        let changes = new.difference(from: old)
        var text = ""
        for change in changes.removals.map({ ($0, "-") }) + changes.insertions.map({ ($0, "+") }) {
            switch change.0 {
            case .remove(let line, let element, _), .insert(let line, let element, _):
                text += "\(change.1) \(line + 1): \(element)\n"
            }
        }
        return text
    }
}
