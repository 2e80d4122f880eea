/// `google.api.HttpRule`: how a method is called by plain HTTP (google/api/http.proto).
///
/// It lies in the options of a method as extension 72295728, which the generated descriptor types do not know. The
/// message is small, so it is read here by hand.
package struct HTTPRule: Hashable, Sendable {
    /// The extension's number in `google.protobuf.MethodOptions`.
    static let extensionNumber: UInt32 = 72_295_728

    /// The method a rule of a service configuration is for, as `package.Service.Method`; empty in annotations.
    package var selector: String
    /// `GET`, or what `custom` says; `*` is any.
    package var method: String
    /// The template of the path.
    package var path: String
    /// The field that the body is for, `*` for all that the path does not set; empty for none.
    package var body: String
    /// The field that the response's body shows; empty for the whole message.
    package var responseBody: String
    package var additionalBindings: [HTTPRule]

    package init(
        method: String,
        path: String,
        body: String = "",
        responseBody: String = "",
        selector: String = "",
        additionalBindings: [HTTPRule] = []
    ) {
        self.selector = selector
        self.method = method
        self.path = path
        self.body = body
        self.responseBody = responseBody
        self.additionalBindings = additionalBindings
    }

    /// The rule in the fields of `MethodOptions` that the generated type kept aside; nil when there is none.
    static func find(in unknownFields: [UInt8]) throws(TranscodingError) -> HTTPRule? {
        var content: [UInt8] = []
        var isThere = false
        // An extension that is there twice is one message in two parts, hence the appending.
        try read(unknownFields) { number, bytes throws(TranscodingError) in
            guard number == extensionNumber else { return }
            isThere = true
            content.append(bytes)
        }
        return isThere ? try HTTPRule(decoding: content, depth: 0) : nil
    }

    private init(decoding bytes: [UInt8], depth: Int) throws(TranscodingError) {
        self.init(method: "", path: "")
        try Self.read(bytes) { number, content throws(TranscodingError) in
            let text = String(decoding: content, as: UTF8.self)
            switch number {
            case 1: selector = text
            case 2: (method, path) = ("GET", text)
            case 3: (method, path) = ("PUT", text)
            case 4: (method, path) = ("POST", text)
            case 5: (method, path) = ("DELETE", text)
            case 6: (method, path) = ("PATCH", text)
            case 7: body = text
            case 8: (method, path) = try Self.custom(content)
            case 11 where depth == 0:
                additionalBindings.append(try HTTPRule(decoding: Array(content), depth: depth + 1))
            case 11: throw TranscodingError(.wire, "additional_bindings may not have additional_bindings")
            case 12: responseBody = text
            default: break
            }
        }
    }

    /// `CustomHttpPattern`.
    private static func custom(_ bytes: UnsafeRawBufferPointer) throws(TranscodingError) -> (String, String) {
        var kind = ""
        var path = ""
        try read(Array(bytes)) { number, content in
            if number == 1 { kind = String(decoding: content, as: UTF8.self) }
            if number == 2 { path = String(decoding: content, as: UTF8.self) }
        }
        return (kind, path)
    }

    /// Calls for each length-delimited field.
    private static func read(
        _ bytes: [UInt8],
        _ body: (UInt32, UnsafeRawBufferPointer) throws(TranscodingError) -> Void
    ) throws(TranscodingError) {
        try bytes.withRawBytes { (all) throws(TranscodingError) in
            var reader = WireReader(all)
            while let field = try reader.next() {
                if field.type == .bytes { try body(field.number, reader.content(field)) }
            }
        }
    }
}
