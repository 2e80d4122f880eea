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

    /// Names of secret parameters in lower case, one behind the other, the shorter ones first.
    private let names: ContiguousArray<UInt8>
    /// For each length up to 64: where the names of that length begin and how many they are.
    private let places: ContiguousArray<(start: Int32, count: Int32)>
    private let headers: Set<String>
    /// Whether a configured name is longer than these: then all that are so are hidden.
    private let hidesLong: Bool

    init(_ further: Set<String> = []) {
        let all = Set(Self.parameters).union(further.map { $0.lowercased() }).map { Array($0.utf8) }
        var names: ContiguousArray<UInt8> = []
        var places: ContiguousArray<(start: Int32, count: Int32)> = []
        for length in 0...64 {
            let here = all.filter { $0.count == length }
            places.append((Int32(names.count), Int32(here.count)))
            for name in here { names += name }
        }
        self.names = names
        self.places = places
        hidesLong = all.contains { $0.count > 64 }
        headers = Self.headers.union(further.map { $0.lowercased() })
    }

    /// `name` in lower case.
    func hides(header name: String) -> Bool { headers.contains(name) }

    /// Whether the value of a query parameter is hidden; `name` as it came. Escapes are resolved: `access%5Ftoken` must
    /// not slip through.
    func hides(parameter name: UnsafeRawBufferPointer) -> Bool {
        guard name.contains(UInt8(ascii: "%")) else { return isListed(name) }
        var decoded = InlineArray<64, UInt8>(repeating: 0)
        var (count, i) = (0, 0)
        while i < name.count {
            guard count < 64 else { return hidesLong }
            if name[i] == UInt8(ascii: "%"), i + 2 < name.count, let high = ASCII.hexValue(name[i + 1]),
                let low = ASCII.hexValue(name[i + 2])
            {
                decoded[count] = high << 4 | low
                i += 3
            } else {
                decoded[count] = name[i]
                i += 1
            }
            count += 1
        }
        return withUnsafeBytes(of: &decoded) { isListed(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    private func isListed(_ name: UnsafeRawBufferPointer) -> Bool {
        guard name.count < places.count else { return hidesLong }
        let (start, count) = places[name.count]
        guard count > 0 else { return false }
        return names.withUnsafeBufferPointer { names in
            for number in 0..<Int(count) {
                let first = Int(start) + number * name.count
                var at = 0
                while at < name.count, names[first + at] == ASCII.lowercased(name[at]) { at += 1 }
                if at == name.count { return true }
            }
            return false
        }
    }
}

extension LogWriter {
    /// A query, the values of its secret parameters replaced; inside of a text.
    ///
    /// Some servers split at `;` too. A value may be a URL with a query of its own, and behind a query there may be a
    /// fragment.
    mutating func append(query: UnsafeRawBufferPointer, _ redaction: LogRedaction) {
        var rest = query
        while true {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix { !Self.isDivider($0) })
            let name = UnsafeRawBufferPointer(rebasing: part.prefix { $0 != UInt8(ascii: "=") })
            if name.count < part.count, redaction.hides(parameter: name) {
                append(name)
                append("=[redacted]")
            } else {
                append(part)
            }
            guard part.count < rest.count else { return }
            append(UnsafeRawBufferPointer(rebasing: rest[part.count...part.count]))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count + 1))
        }
    }

    @inline(__always)
    private static func isDivider(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "&") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "#") || byte == UInt8(ascii: "?")
    }

    /// A target or URL: its query is redacted, its fragment, where some answers of OAuth 2.0 hold a token (RFC 6749,
    /// section 4.2.2), and a user with password in front of the host.
    mutating func append(target: UnsafeRawBufferPointer, limit: Int, _ redaction: LogRedaction) {
        let target = UnsafeRawBufferPointer(rebasing: target.prefix(limit))
        let mark = target.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        let path = UnsafeRawBufferPointer(rebasing: target[..<(mark ?? target.count)])
        path.first == UInt8(ascii: "/") ? append(path) : append(withoutUser: path)
        guard let mark else { return }
        append(UnsafeRawBufferPointer(rebasing: target[mark...mark]))
        append(query: UnsafeRawBufferPointer(rebasing: target[(mark + 1)...]), redaction)
    }

    private mutating func append(withoutUser url: UnsafeRawBufferPointer) {
        guard let colon = url.firstIndex(of: UInt8(ascii: ":")), url[colon...].starts(with: "://".utf8) else {
            return append(url)
        }
        let host = url[(colon + 3)...].prefix { $0 != UInt8(ascii: "/") }
        guard let end = host.lastIndex(of: UInt8(ascii: "@")) else { return append(url) }
        append(UnsafeRawBufferPointer(rebasing: url[..<host.startIndex]))
        append("[redacted]")
        append(UnsafeRawBufferPointer(rebasing: url[end...]))
    }
}
