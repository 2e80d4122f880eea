import SluiceConfig
import SluiceCore

/// What the access log does not show: credentials in headers and query parameters.
struct LogRedaction {
    private static let headers: Set<String> = [
        "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token",
        "x-amz-security-token", "x-goog-api-key", "x-csrf-token",
    ]
    private static let parameters = [
        "access_token", "id_token", "refresh_token", "token", "api_key", "apikey", "api-key", "x-api-key", "key",
        "secret", "client_secret", "client_assertion", "password", "passwd", "pwd", "sig", "signature", "code", "auth",
        "jwt", "assertion", "samlresponse", "session", "sessionid", "x-amz-signature", "x-amz-security-token",
        "x-amz-credential", "x-goog-signature",
    ]

    private let parameters: Set<[UInt8]>
    private let headers: Set<String>
    /// No name is longer, so that longer ones need no copy.
    private let longest: Int

    init(_ further: Set<String> = []) {
        parameters = Set((Self.parameters + further).map { Array($0.utf8) })
        headers = Self.headers.union(further)
        longest = parameters.map(\.count).max() ?? 0
    }

    /// `name` in lower case.
    func hides(header name: String) -> Bool { headers.contains(name) }

    /// Whether the value of a query parameter is hidden; `name` as it came.
    func hides(parameter name: UnsafeRawBufferPointer) -> Bool {
        guard name.count <= longest * 3 else { return false }
        let decoded = Self.decoded(name)
        return decoded.count <= longest && parameters.contains(decoded)
    }

    /// In lower case, with its escapes resolved: `access%5Ftoken` must not slip through.
    private static func decoded(_ name: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        var i = 0
        while i < name.count {
            if name[i] == UInt8(ascii: "%"), i + 2 < name.count, let high = ASCII.hexValue(name[i + 1]),
                let low = ASCII.hexValue(name[i + 2])
            {
                out.append(ASCII.lowercased(high << 4 | low))
                i += 3
            } else {
                out.append(ASCII.lowercased(name[i]))
                i += 1
            }
        }
        return out
    }
}

extension LogWriter {
    /// A query, the values of its secret parameters replaced; inside of a text.
    mutating func append(query: UnsafeRawBufferPointer, _ redaction: LogRedaction) {
        var rest = query
        var isFirst = true
        while true {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix { $0 != UInt8(ascii: "&") })
            if !isFirst { append("&") }
            isFirst = false
            let name = UnsafeRawBufferPointer(rebasing: part.prefix { $0 != UInt8(ascii: "=") })
            if name.count < part.count, redaction.hides(parameter: name) {
                append(name)
                append("=[redacted]")
            } else {
                append(part)
            }
            guard part.count < rest.count else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count + 1))
        }
    }

    /// A target or URL: its query is redacted.
    mutating func append(target: UnsafeRawBufferPointer, limit: Int?, _ redaction: LogRedaction) {
        let target = UnsafeRawBufferPointer(rebasing: target.prefix(limit ?? .max))
        guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else { return append(target) }
        append(UnsafeRawBufferPointer(rebasing: target[...mark]))
        append(query: UnsafeRawBufferPointer(rebasing: target[(mark + 1)...]), redaction)
    }
}
