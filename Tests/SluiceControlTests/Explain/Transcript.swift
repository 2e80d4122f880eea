import SluiceConfig
import SluiceControl
import SluiceFilters
import SluiceTesting

/// A Markdown page that shows files and what `sluice explain` and `sluice diff` say about them.
///
/// A line that holds nothing but a name in back quotes and a colon names the file that the next `yaml` block holds. In a
/// `console` block, a line that begins with `$ ` is a command, and what follows its output; `$ echo $?` shows the exit
/// status of the one before.
struct Transcript {
    private let lines: [Substring]

    init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// The page with what the commands say now.
    func replayed() throws -> String {
        var files: [String: String] = [:]
        var out: [Substring] = []
        var name: Substring?
        var at = 0
        var status: Int32 = 0
        while at < lines.count {
            let line = lines[at]
            out.append(line)
            at += 1
            let end = lines[at...].firstIndex(of: "```") ?? lines.count
            if line.hasPrefix("`"), line.hasSuffix("`:") { name = line.dropFirst().dropLast(2) }
            if line == "```yaml", let file = name {
                files[String(file)] = lines[at..<end].joined(separator: "\n") + "\n"
                name = nil
            } else if line == "```console" {
                for command in lines[at..<end] where command.hasPrefix("$ ") {
                    out.append(command)
                    out += try run(command.dropFirst(2), files, &status)
                }
                at = end
            }
        }
        return out.joined(separator: "\n")
    }

    /// The names of the commands, each once.
    var commands: Set<Substring> {
        Set(lines.filter { $0.hasPrefix("$ sluice ") }.compactMap { $0.dropFirst(9).split(separator: " ").first })
    }

    private func run(_ command: Substring, _ files: [String: String], _ status: inout Int32) throws -> [Substring] {
        if command == "echo $?" { return ["\(status)"] }
        var words = Self.words(command)
        guard words.count > 2, words.removeFirst() == "sluice" else { throw TestFailure("no command: \(command)") }
        let isJSON = words.contains("json")
        let read: @Sendable ([String]) -> ConfigurationCheck = { Self.read($0, files) }
        let result: CommandResult
        switch words.removeFirst() {
        case "explain": result = Self.explain(words, isJSON, read)
        case "diff": result = DiffCommand(words[0], words[1], asJSON: isJSON, check: read).run { _ in }
        case let other: throw TestFailure("no command to run here: \(other)")
        }
        status = result.status
        return (result.output + result.errors).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    }

    private static func read(_ names: [String], _ files: [String: String]) -> ConfigurationCheck {
        let (model, diagnostics) = NativeConfiguration.load(
            files: names.map { ConfigFile(path: $0, text: files[$0] ?? "") },
            filters: BuiltInFilters.catalog,
            environment: { _ in nil },
            readFile: { throw TestFailure("no file is read: \($0)") }
        )
        return ConfigurationCheck(diagnostics: diagnostics, model: model)
    }

    private static func explain(
        _ words: [String],
        _ isJSON: Bool,
        _ read: @escaping @Sendable ([String]) -> ConfigurationCheck
    ) -> CommandResult {
        var files: [String] = []
        var rest: [String] = []
        var headers: [String] = []
        var named: [String: String] = [:]
        var at = 0
        while at < words.count {
            switch words[at] {
            case "-c": files.append(words[at + 1])
            case "-H": headers.append(words[at + 1])
            case "--listener", "--client", "--format": named[words[at]] = words[at + 1]
            default:
                rest.append(words[at])
                at -= 1
            }
            at += 2
        }
        var request = RequestWords(files: files, words: rest)
        request.headers = headers
        request.listener = named["--listener"]
        request.client = named["--client"]
        do {
            let (files, request) = try request.parsed()
            return ExplainCommand(files, request, asJSON: isJSON, check: read).run()
        } catch {
            return CommandResult(errors: "error: \(error.message)\n", status: 64)
        }
    }

    /// Words as a shell takes them apart; of quotes only single ones.
    private static func words(_ text: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        for character in text {
            switch character {
            case "'":
                isQuoted.toggle()
                word = word ?? ""
            case " " where !isQuoted:
                if let done = word { words.append(done) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }
}
