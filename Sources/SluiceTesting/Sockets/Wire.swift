/// Messages as text, for tests in which most of a message does not matter.
package enum Wire {
    /// A GET with a Host, and further lines.
    package static func get(_ target: String = "/", _ lines: String...) -> String {
        message("GET \(target) HTTP/1.1", ["Host: a.test"] + lines)
    }

    /// A POST with a body of known length.
    package static func post(_ target: String = "/", body: String, _ lines: String...) -> String {
        message("POST \(target) HTTP/1.1", ["Host: a.test", "Content-Length: \(body.utf8.count)"] + lines) + body
    }

    /// A 200 with a body of known length.
    package static func ok(_ body: String = "ok", _ lines: String...) -> String {
        message("HTTP/1.1 200 OK", ["Content-Length: \(body.utf8.count)"] + lines) + body
    }

    /// An answer without a body.
    package static func status(_ status: Int, _ lines: String...) -> String {
        message("HTTP/1.1 \(status) X", ["Content-Length: 0"] + lines)
    }

    /// A head.
    package static func message(_ startLine: String, _ lines: [String]) -> String {
        ([startLine] + lines).joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// A body in chunks, with its end.
    package static func chunked(_ pieces: String..., trailers: [String] = []) -> String {
        pieces.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
            + (["0"] + trailers).joined(separator: "\r\n") + "\r\n\r\n"
    }
}
