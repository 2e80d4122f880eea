import NIOCore
import SluiceCore
import SluiceFilters

/// The bytes of a request of the gateway's own.
enum FetchHead {
    /// Fields that the gateway writes itself.
    private static let own: Set<String> = [
        "host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "trailer", "expect",
    ]

    /// What is wrong with a request, in words; nil: it can be sent.
    static func problem(with request: FetchRequest) -> String? {
        guard !request.method.isEmpty, request.method.utf8.allSatisfy(ASCII.isToken) else {
            return "the method is no token"
        }
        for field in request.fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(ASCII.isToken) else {
                return "a header name is no token"
            }
            guard field.value.utf8.allSatisfy(ASCII.isFieldValue) else {
                return "the header '\(field.name)' holds a byte that no header may hold"
            }
        }
        return nil
    }

    /// Head and body.
    static func write(_ request: FetchRequest, to out: inout ByteBuffer) {
        out.writeString("\(request.method) \(request.url.target) HTTP/1.1\r\nHost: \(request.url.authority)\r\n")
        var hasAgent = false
        for field in request.fields where !own.contains(field.name.lowercased()) {
            if field.name.lowercased() == "user-agent" { hasAgent = true }
            out.writeString("\(field.name): \(field.value)\r\n")
        }
        if !hasAgent { out.writeStaticString("User-Agent: sluice\r\n") }
        // RFC 9110, section 8.6: a method that expects a body says its length even when that is 0.
        if !request.body.isEmpty || request.method == "POST" || request.method == "PUT" {
            out.writeString("Content-Length: \(request.body.count)\r\n")
        }
        out.writeStaticString("Connection: close\r\n\r\n")
        out.writeBytes(request.body)
    }
}
