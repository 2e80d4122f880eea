import Glibc
import SluiceConfig
import SluiceTesting
import Testing

/// Pages that show what `explain` and `diff` say, word for word.
@Suite struct TranscriptTests {
    /// The folder of the package.
    private static let root: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(4).joined(separator: "/") + "/"
    }()

    private static let pages = ["docs/explain.md"]

    private static let cases = [
        "actions", "diff", "filters", "json", "listeners", "near-misses", "precedence", "refusals", "tls",
    ].map { "Tests/Golden/explain/\($0).md" }

    @Test(arguments: pages + cases)
    func says(_ name: String) throws {
        let path = Self.root + name
        let text = String(decoding: try ConfigFiles.read(path), as: UTF8.self)
        let transcript = Transcript(text)
        #expect(!transcript.commands.isEmpty)
        let now = try transcript.replayed()
        if getenv("UPDATE_GOLDEN").map({ String(cString: $0) }) == "1" {
            try TextFile.write(now, to: path)
        } else if now != text {
            let (old, new) = (text.split(separator: "\n"), now.split(separator: "\n"))
            let changes = new.difference(from: old).map { change in
                switch change {
                case .remove(let line, let element, _): "- \(line + 1): \(element)"
                case .insert(let line, let element, _): "+ \(line + 1): \(element)"
                }
            }
            Issue.record(
                "\(name) differs (UPDATE_GOLDEN=1 swift test --filter TranscriptTests):\n\(changes.joined(separator: "\n"))"
            )
        }
    }
}
