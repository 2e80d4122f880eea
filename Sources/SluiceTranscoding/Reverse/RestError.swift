import NIOCore
import SluiceCore

/// Reads a `google.rpc.Status` out of the body of an error.
struct RestError {
    let pool: DescriptorPool
    var options: TranscodingOptions

    init(pool: DescriptorPool, options: TranscodingOptions) {
        self.pool = pool
        self.options = options
        self.options.unknownFields = .ignore
    }

    /// Nil when the body is something else.
    func status(_ body: UnsafeRawBufferPointer) -> RPCStatus? {
        var finder = ErrorFinder()
        do throws(TranscodingError) {
            var tokenizer = JSONTokenizer(depthLimit: options.limits.depth, limits: options.limits)
            try tokenizer.feed(body, to: &finder)
            try tokenizer.finish(to: &finder)
            if let inner = finder.text { return inner.withRawBytes { known($0) } }
            return finder.hasMessage ? known(body) : nil
        } catch {
            return nil
        }
    }

    /// What of the object is a status: all of it, or the message if the details are of types that nobody knows.
    private func known(_ text: UnsafeRawBufferPointer) -> RPCStatus? {
        if let status = try? parse(text) { return status }
        guard let message = (try? JSONParser.parse(text))?.object?["message"]?.text else { return nil }
        return RPCStatus(code: .unknown, message: String(decoding: message, as: UTF8.self))
    }

    private func parse(_ text: UnsafeRawBufferPointer) throws(TranscodingError) -> RPCStatus {
        guard let type = pool.message(named: "google.rpc.Status") else {
            throw TranscodingError(.value, "there is no google.rpc.Status")
        }
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let root = MessageAssembler.Root(message: type)
        var body = MessageBody(pool: pool, options: options, root: root, contentType: none)
        try body.feed(text)
        try body.finish()
        return try body.take().withUnsafeReadableBytes { (frame) throws(TranscodingError) in
            try RPCStatus(serialized: UnsafeRawBufferPointer(rebasing: frame.dropFirst(5)))
        }
    }
}

/// Looks for the object under `error`.
private struct ErrorFinder: JSONSink {
    private(set) var text: [UInt8]?
    private(set) var hasMessage = false
    private var isInside = false
    private var isError = false

    mutating func key(_ name: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError) {
        isError = name.elementsEqual("error".utf8)
        if name.elementsEqual("message".utf8) { hasMessage = true }
    }

    mutating func value(_ token: JSONToken, at offset: Int) throws(TranscodingError) -> JSONDescent {
        defer { isInside = true }
        guard isInside else { return .enter }
        if case .objectStart = token, isError { return .capture }
        return .skip
    }

    mutating func end(at offset: Int) throws(TranscodingError) {}

    mutating func captured(_ text: UnsafeRawBufferPointer, at offset: Int) throws(TranscodingError) {
        self.text = Array(text)
    }
}
