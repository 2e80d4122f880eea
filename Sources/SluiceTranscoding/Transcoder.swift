package import SluiceCore

/// Translates between plain HTTP with JSON and gRPC, by the annotations of a descriptor set.
///
/// Made once with a configuration; holds everything that requests need to look at and nothing of any request. It does
/// no I/O. Isolation: any; but two loops that count references of one object slow each other down, so each loop has a
/// `copy()` of its own.
package final class Transcoder: Sendable {
    /// The binding that a request was found to be for.
    package struct Match: Sendable {
        /// Its place in `bindings`.
        package let binding: Int
        /// Where the values of the path's variables lie in the path, in the order of the template.
        package let values: [ByteRange]
    }

    /// What a configuration asks for besides the options.
    package struct Choice: Sendable {
        /// Full names of services; all of the set when empty.
        package var services: [String] = []
        /// Rules that take the place of annotations, by `selector`; of two for one method the later one counts.
        package var rules: [HTTPRule] = []
        /// Whether methods without a rule are called as `POST /package.Service/Method` with the message as body.
        package var autoMapping = false

        package init() {}
    }

    package let pool: DescriptorPool
    package let options: TranscodingOptions
    private let choice: Choice
    private let table: BindingTable
    /// The path of the gRPC call of each binding.
    private let paths: [String]

    /// - Throws: everything that is wrong with the bindings, ambiguous ones included.
    package init(
        pool: DescriptorPool,
        choice: Choice = Choice(),
        options: TranscodingOptions
    ) throws(DescriptorError) {
        var compiler = BindingCompiler(pool: pool)
        compiler.add(services: choice.services, rules: choice.rules, autoMapping: choice.autoMapping)
        if !compiler.problems.isEmpty { throw DescriptorError(compiler.problems) }
        self.pool = pool
        self.options = options
        self.choice = choice
        table = try BindingTable(compiler.bindings, pool: pool)
        paths = compiler.bindings.map { pool.methods[$0.method].path }
    }

    /// Another one of the same kind that shares no reference count with this one, not even inside.
    package func copy() -> Transcoder {
        // What was compiled once compiles again.
        (try? Transcoder(pool: pool.copy(), choice: choice, options: options)) ?? self
    }

    /// All ways to call the chosen services, in the order of the files.
    package var bindings: [Binding] { table.bindings }

    // MARK: - Per request

    /// The binding of a request, or nil when there is none.
    ///
    /// - Parameters:
    ///   - method: as it came.
    ///   - path: normalised, without query. Escapes are resolved here, variable by variable.
    package func match(method: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) -> Match? {
        guard let place = table.find(method: method, path: path) else { return nil }
        return Match(binding: place, values: table.values(of: table.bindings[place], in: path))
    }

    /// The methods that a path has bindings for, for `Allow` when `match` found none.
    package func allowedMethods(path: UnsafeRawBufferPointer) -> [String] { table.methods(for: path) }

    /// The path of the gRPC call: `/package.Service/Method`.
    package func path(of match: Match) -> String { paths[match.binding] }

    /// Begins to translate a request: what the URL says is read at once.
    ///
    /// - Parameters:
    ///   - match: of the same path.
    ///   - path: the one that was matched.
    ///   - query: without `?`; empty for none.
    ///   - contentType: of the request; only used where the body is a `google.api.HttpBody`.
    package func request(
        _ match: Match,
        path: UnsafeRawBufferPointer,
        query: UnsafeRawBufferPointer,
        contentType: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(TranscodingError) -> RequestTranslator {
        let binding = table.bindings[match.binding]
        let translator = RequestTranslator(pool: pool, options: options, binding: binding, contentType: contentType)
        try translator.bind(match.values, path: path, query: query, with: self)
        return translator
    }

    /// Begins to translate the response.
    package func response(_ match: Match, format: ResponseFormat) -> ResponseTranslator {
        ResponseTranslator(pool: pool, options: options, binding: table.bindings[match.binding], format: format)
    }

    /// The body that tells a status as JSON: a `google.rpc.Status` with its details.
    package func body(of status: RPCStatus) -> [UInt8] { status.json(pool: pool, options: options) }
}

extension Transcoder {
    /// What is wrong with one binding of a method, for whoever wrote it; its additional bindings are not looked at.
    ///
    /// - Parameter method: a place in `pool.methods`.
    package static func problems(of binding: HTTPRule, method: Int, in pool: DescriptorPool) -> [String] {
        BindingCompiler.problems(of: binding, method: method, in: pool)
    }

    /// What is wrong with a template whatever the method; nil: nothing.
    package static func problem(ofTemplate text: String) -> String? {
        do throws(TemplateFault) {
            _ = try BindingTemplate(text)
            return nil
        } catch {
            return "the path is malformed: \(error.reason)"
        }
    }
}
