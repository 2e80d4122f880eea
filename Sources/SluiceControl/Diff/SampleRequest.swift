import SluiceConfig
import SluiceCore

/// A request that stands for many.
struct SampleRequest: Hashable {
    /// Which pair of listeners it comes in at; see `ListenerPairs`.
    var listener: Int
    var method = "GET"
    var host: String
    var path: String
    /// Encoded, in order.
    var query: [String] = []
    var headers: [Line] = []
    var source: IPAddress?

    struct Line: Hashable {
        var name: String
        var value: String
    }

    func with<Value>(_ part: WritableKeyPath<SampleRequest, Value>, _ value: Value) -> SampleRequest {
        var other = self
        other[keyPath: part] = value
        return other
    }

    var target: String { query.isEmpty ? path : path + "?" + query.joined(separator: "&") }

    /// The bytes of its head.
    var bytes: [UInt8] {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n"
        for line in headers { text += "\(line.name): \(line.value)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    /// A command that sends it to a listener at that address.
    func curl(to address: ListenAddress, isSecure: Bool = false) -> String {
        // Its certificate is hardly one for the address.
        var words = ["curl", "-i"] + (isSecure ? ["-k"] : [])
        switch method {
        case "GET": break
        case "HEAD": words.append("-I")
        default: words += ["-X", method]
        }
        switch address {
        case .unix(let path): words += ["--unix-socket", Self.quoted(path)]
        case .ip: break
        }
        let own = address.ownHost
        words.append(Self.quoted("\(isSecure ? "https" : "http")://\(own)\(target)"))
        for line in (host == own ? [] : [Line(name: "host", value: host)]) + headers {
            let value = Discretion.isSecret(line.name) ? "***" : line.value
            words += ["-H", Self.quoted(value.isEmpty ? "\(line.name);" : "\(line.name): \(value)")]
        }
        return words.joined(separator: " ") + (source.map { "   # from \($0.description)" } ?? "")
    }

    /// A word for the shell.
    private static func quoted(_ word: String) -> String {
        let isPlain =
            word.utf8.allSatisfy { ASCII.isToken($0) && !"'`!#$&*|~".utf8.contains($0) || "/:,=@".utf8.contains($0) }
        return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
