/// What stands on the command line of `sluice explain`, word by word.
package struct RequestWords: Sendable {
    /// What `-c` took: all words up to the next option, perhaps also those of the request.
    private let files: [String]
    private let words: [String]
    package var headers: [String] = []
    package var listener: String?
    package var client: String?

    package init(files: [String], words: [String]) {
        self.files = words.isEmpty ? files.dropLast(2) : files
        self.words = words.isEmpty ? files.suffix(2) : words
    }

    /// The files and the request.
    package func parsed() throws(ExplainProblem) -> (files: [String], request: ExplainRequest) {
        guard words.count == 2, !files.isEmpty else {
            throw ExplainProblem("name the files, a method and a URL: -c FILE GET http://example.com/")
        }
        var request = ExplainRequest(words[0], words[1], listener: listener)
        for header in headers { request.headers.append(try ExplainRequest.header(header)) }
        if let client { request.client = try ExplainRequest.client(client) }
        return (files, request)
    }
}
