internal import SluiceCore

/// Puts the values of `${NAME}` and `${file:...}` into texts.
///
/// `$${` is a literal `${`. `${a.b}` is a run-time template: it stays where templates are possible, and is an error
/// elsewhere. What was put in is remembered, so that no message ever shows it.
final class Substitution {
    /// A referenced file may be this large.
    private static let largestFile = 1024 * 1024

    private let environment: (String) -> String?
    private let readFile: (String) throws -> [UInt8]
    private var files: [String: Result<String, FileProblem>] = [:]
    /// Whole texts that hold a value from outside, and those values.
    private(set) var secrets: Set<String> = []

    private struct FileProblem: Error { var text: String }

    init(environment: @escaping (String) -> String?, readFile: @escaping (String) throws -> [UInt8]) {
        self.environment = environment
        self.readFile = readFile
    }

    /// Whether a text is one reference and nothing else, so that it holds no secret itself.
    static func isReference(_ raw: String) -> Bool {
        raw.hasPrefix("${") && raw.utf8.firstIndex(of: UInt8(ascii: "}")) == raw.utf8.indices.last
    }

    /// The text with everything put in; nil when something is wrong, which is reported then.
    func expand(_ raw: String, at span: NodeSpan, templates: Bool, scope: Scope) -> String? {
        let bytes = Array(raw.utf8)
        var out: [UInt8] = []
        var isSecret = false
        var at = 0
        while at < bytes.count {
            if isEscape(bytes, at) {
                // A template keeps the escape: its own parser takes it away.
                out += Array((templates ? "$${" : "${").utf8)
                at += 3
                continue
            }
            guard bytes[at] == UInt8(ascii: "$"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "{") else {
                out.append(bytes[at])
                at += 1
                continue
            }
            guard let end = bytes[at...].firstIndex(of: UInt8(ascii: "}")) else {
                scope.context.report(
                    .badReference,
                    at: span,
                    "\(scope.subject) has a '${' without '}'",
                    help: "write '$${' for a literal '${'"
                )
                return nil
            }
            let name = String(decoding: bytes[(at + 2)..<end], as: UTF8.self)
            switch value(of: name, at: span, templates: templates, scope: scope) {
            case .keep: out += bytes[at...end]
            case .insert(let value):
                isSecret = true
                secrets.insert(value)
                out += Array((templates ? value.replacing("${", with: "$${") : value).utf8)
            case .failed: return nil
            }
            at = end + 1
        }
        let text = String(decoding: out, as: UTF8.self)
        if isSecret { secrets.insert(text) }
        return text
    }

    /// A message without the values that were put in.
    func masked(_ message: String) -> String {
        guard !secrets.isEmpty else { return message }
        var result = message
        for secret in secrets where !secret.isEmpty {
            // Short values ("80") are hidden only where they are quoted: elsewhere they are parts of other words.
            let (hidden, mask) = secret.utf8.count >= 6 ? (secret, "***") : ("'\(secret)'", "'***'")
            if result.contains(hidden) { result = result.replacing(hidden, with: mask) }
        }
        return result
    }

    private enum Outcome {
        case keep
        case insert(String)
        case failed
    }

    private func value(of name: String, at span: NodeSpan, templates: Bool, scope: Scope) -> Outcome {
        if name.hasPrefix("file:") { return file(String(name.dropFirst(5)), at: span, scope: scope) }
        if isVariable(name) {
            guard let value = environment(name) else {
                scope.context.report(.unsetVariable, at: span, "the environment variable '\(name)' is not set")
                return .failed
            }
            return .insert(value)
        }
        let shown = Printable.short(name)
        guard name.contains(".") else {
            scope.context.report(
                .badReference,
                at: span,
                "'${\(shown)}' is neither an environment variable (upper case) nor a template (with a dot)",
                help: "write '$${' for a literal '${'"
            )
            return .failed
        }
        guard templates else {
            scope.context.report(
                .template,
                at: span,
                "'${\(shown)}' is a run-time template, which \(scope.subject) cannot hold",
                help: "write '$${' for a literal '${'"
            )
            return .failed
        }
        return .keep
    }

    private func file(_ name: String, at span: NodeSpan, scope: Scope) -> Outcome {
        let path = name.hasPrefix("/") ? name : Paths.folder(of: scope.context.path(of: span.file)) + name
        let result = files[path] ?? read(path)
        files[path] = result
        switch result {
        case .success(let text): return .insert(text)
        case .failure(let problem):
            scope.context.report(.unreadableReference, at: span, "the file '\(Printable.short(path))' \(problem.text)")
            return .failed
        }
    }

    private func read(_ path: String) -> Result<String, FileProblem> {
        guard var bytes = try? readFile(path) else { return .failure(FileProblem(text: "cannot be read")) }
        guard bytes.count <= Self.largestFile else { return .failure(FileProblem(text: "is larger than 1 MiB")) }
        // Editors and `echo` end a file with a line end that is no part of the secret.
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(FileProblem(text: "is not UTF-8 text"))
        }
        return .success(text)
    }

    private func isEscape(_ bytes: [UInt8], _ at: Int) -> Bool {
        at + 2 < bytes.count && bytes[at] == UInt8(ascii: "$") && bytes[at + 1] == UInt8(ascii: "$")
            && bytes[at + 2] == UInt8(ascii: "{")
    }

    private func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !ASCII.isDigit(first) else { return false }
        return name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || ASCII.isDigit($0) || ($0 >= 0x41 && $0 <= 0x5A) }
    }
}
