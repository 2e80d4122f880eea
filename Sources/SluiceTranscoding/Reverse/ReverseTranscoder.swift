import SluiceCore

/// Lets gRPC clients call a REST service by the same annotations: `Transcoder`, the other way round.
///
/// Each method is called by its first binding. Methods that stream their requests cannot be. Isolation: any.
package final class ReverseTranscoder: Sendable {
    package let pool: DescriptorPool
    package let options: TranscodingOptions
    private let choice: Transcoder.Choice
    private let bindings: [Binding]
    /// Places in `bindings` by the path of the gRPC call.
    private let paths: NameTable

    /// - Throws: everything that is wrong with the bindings.
    package init(
        pool: DescriptorPool,
        choice: Transcoder.Choice = Transcoder.Choice(),
        options: TranscodingOptions
    ) throws(DescriptorError) {
        var compiler = BindingCompiler(pool: pool)
        compiler.add(services: choice.services, rules: choice.rules, autoMapping: choice.autoMapping)
        if !compiler.problems.isEmpty { throw DescriptorError(compiler.problems) }
        var bindings: [Binding] = []
        var paths = NameTable()
        for binding in compiler.bindings where !pool.methods[binding.method].streamsRequests {
            let path = pool.methods[binding.method].path
            if paths.add(path, scope: 0, value: bindings.count) { bindings.append(binding) }
        }
        self.pool = pool
        self.options = options
        self.choice = choice
        self.bindings = bindings
        self.paths = paths
    }

    /// Another one of the same kind that shares no reference count with this one, not even inside.
    package func copy() -> ReverseTranscoder {
        // What was compiled once compiles again.
        (try? ReverseTranscoder(pool: pool.copy(), choice: choice, options: options)) ?? self
    }

    /// What a method, from `method(path:)`, is called in its file.
    package func entry(_ method: Int) -> MethodEntry { pool.methods[bindings[method].method] }

    /// The method of a gRPC call by its path, `/package.Service/Method`; nil when it cannot be called here.
    package func method(path: UnsafeRawBufferPointer) -> Int? { paths.find(path, scope: 0) }

    /// The call of the REST service.
    ///
    /// - Parameters:
    ///   - method: from `method(path:)`.
    ///   - message: the request without its five bytes.
    package func request(_ method: Int, message: UnsafeRawBufferPointer) throws(TranscodingError) -> RestRequest {
        var builder = RestRequestBuilder(pool: pool, options: options, binding: bindings[method])
        return try builder.build(message)
    }

    /// Begins to translate the response of the REST service, if its status is one of success.
    package func response(_ method: Int, contentType: UnsafeRawBufferPointer) -> RestResponseTranslator {
        RestResponseTranslator(pool: pool, options: options, binding: bindings[method], contentType: contentType)
    }

    /// How the gRPC call ends when the REST service answered with an error.
    ///
    /// - Parameters:
    ///   - httpStatus: of the response.
    ///   - body: what there is of it. A `google.rpc.Status`, bare or under `error`, tells message and details.
    package func status(httpStatus: UInt16, body: UnsafeRawBufferPointer) -> RPCStatus {
        let code = GRPCCode.rest(httpStatus: httpStatus)
        let known = RestError(pool: pool, options: options).status(body)
        guard let known else {
            return RPCStatus(code: code, message: "The service answered with status \(httpStatus).")
        }
        let isCode = known.code != .ok && known.code != .unknown
        return RPCStatus(code: isCode ? known.code : code, message: known.message, details: known.details)
    }
}
