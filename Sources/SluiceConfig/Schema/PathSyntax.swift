internal import SluiceCore

/// Paths as a configuration writes them.
package enum PathSyntax {
    /// An absolute path as a request would send it.
    static func path(_ text: String) -> Result<String, ValueProblem> {
        if let problem = PathLiteral.problem(in: text) {
            return .failure(ValueProblem(.pathPattern, "is not a path: {}", help: problem))
        }
        return .success(text)
    }

    /// A prefix of whole segments, without the slash at its end.
    static func prefix(_ text: String) -> Result<String, ValueProblem> {
        path(text).map { text in
            var bytes = text.utf8[...]
            while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
            return String(Substring(bytes))
        }
    }

    /// A template such as `/users/{id}/files/{rest...}`.
    static func template(_ text: String) -> Result<String, ValueProblem> {
        do throws(PathTemplateError) {
            _ = try PathTemplate(text)
            return .success(text)
        } catch {
            return .failure(ValueProblem(.pathPattern, "is not a path template: {}", detail: error.message))
        }
    }

    /// Whether no request can have this path once `.` and `..` are resolved and slashes merged.
    package static func isUnreachable(_ path: String, under policy: PathPolicy) -> Bool {
        let segments = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if policy.mergeSlashes, segments.dropLast().contains(where: \.isEmpty) { return true }
        return policy.normalize && segments.contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
    }
}
